"""Rotation rule: decide how to answer a presented refresh token, without clock or database.

A used refresh token becomes unusable once its successor was seen in use. Until then the response
with the successor may have been lost. A retry with the used token is therefore accepted, and makes
the successor unusable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from refresh_sessions.exceptions import ExpiryReason

MAX_RECOVERIES_IN_A_ROW: Final = 8
"""Consecutive recoveries, without an ordinary rotation between them."""

MAX_RECOVERIES_BY_OTHERS: Final = 2
"""Consecutive recoveries by clients with another network and user agent than the last client."""


class Verdict(Enum):
    """How to answer a presented refresh token."""

    ROTATE = auto()
    """The newest token: issue its successor."""
    RECOVER = auto()
    """The response with the successor was lost: issue another successor."""
    AHEAD_OF_DATABASE = auto()
    """A token newer than the row, because the database lost its last writes: rotate."""
    RESEND = auto()
    """The newest token, within the overlap: return the same token again."""
    SUCCESSOR = auto()
    """A sibling with the companion cookie has just rotated: return the newest token as well."""
    ACCESS_ONLY = auto()
    """A sibling has just rotated: return an access token; the client keeps its refresh token."""
    SUPERSEDED = auto()
    """A sibling has stored a newer token: the client has to read its storage again."""
    REVOKED = auto()
    """The session is revoked."""
    ACCOUNT_CHANGED = auto()
    """The user is inactive or has another password: revoke the session."""
    REUSED = auto()
    """A used token whose successor was seen in use: two clients hold tokens of one family."""
    EXPIRED_ABSOLUTE = auto()
    EXPIRED_IDLE = auto()
    REFRESH_LIMIT = auto()
    """No refreshes left; the session stays usable until its access token expires."""
    RECOVERY_LIMIT = auto()
    """Too many consecutive recoveries: revoke the session without reporting reuse."""

    @property
    def issues_token(self) -> bool:
        """Whether a new refresh token is issued."""
        return self in {Verdict.ROTATE, Verdict.RECOVER, Verdict.AHEAD_OF_DATABASE}

    @property
    def repeats(self) -> bool:
        """Whether the response repeats that of a sibling, without a new generation."""
        return self in {Verdict.RESEND, Verdict.SUCCESSOR, Verdict.ACCESS_ONLY}

    @property
    def expiry(self) -> ExpiryReason | None:
        """The limit that was reached, or None."""
        return _EXPIRIES.get(self)


_EXPIRIES: Final = {
    Verdict.EXPIRED_ABSOLUTE: ExpiryReason.ABSOLUTE,
    Verdict.EXPIRED_IDLE: ExpiryReason.IDLE,
    Verdict.REFRESH_LIMIT: ExpiryReason.REFRESH_LIMIT,
    Verdict.RECOVERY_LIMIT: ExpiryReason.RECOVERY_LIMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenter:
    """Attributes of the client that presents a token."""

    shows_companion: bool = False
    """The request has the companion cookie of the family, or a proof of its key."""
    resembles_last_client: bool = False
    """The request has the network or the user agent of the last rotation."""

    @property
    def is_other_client(self) -> bool:
        """Whether the client shares no attribute with the client of the last rotation."""
        return not self.shows_companion and not self.resembles_last_client


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyState:
    """The state of a family and its session, as read in one SELECT."""

    generation: int
    redeemable_generation: int | None
    rotated_at: datetime | None
    delivered_at: datetime | None
    idle_expires_at: datetime
    expires_at: datetime
    """The hard deadline of the session."""
    revoked: bool
    """The session is revoked."""
    account_changed: bool
    """The user is inactive, or has another password than at login."""
    closed_at: datetime | None = None
    """When a recovery undid the rotation that had opened the family."""
    companion_generation: int | None = None
    """The newest generation whose rotation showed the companion cookie."""
    sibling_answered: bool = False
    """A sibling was answered ACCESS_ONLY since the last rotation, and may store its old token."""
    tolerated_generation: int | None = None
    """The oldest generation that siblings may present within the overlap, if older than the
    redeemable one."""
    recoveries_by_others: int = 0
    opened_family_used: bool = False
    """The newest rotation opened a family whose token was used."""

    @property
    def companion_known(self) -> bool:
        """Whether any rotation of the family showed the companion cookie."""
        return self.companion_generation is not None

    @property
    def companion_shown(self) -> bool:
        """Whether the last rotation showed the companion cookie."""
        return self.companion_generation == self.generation

    @property
    def oldest_usable(self) -> int:
        """The oldest usable generation."""
        return self.redeemable_generation or self.generation

    @property
    def oldest_sibling(self) -> int:
        """The oldest generation that a sibling may hold within the overlap."""
        return self.tolerated_generation or self.oldest_usable


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings of the rotation rule."""

    overlap: timedelta
    lost_response_recovery: bool


def judge(
    generation: int,
    family: FamilyState,
    *,
    presenter: Presenter,
    token_expires_at: datetime,
    now: datetime,
    rules: Rules,
) -> Verdict:
    """Decide how to answer a token of ``generation``.

    Reuse takes precedence over revocation and expiry. So reuse is also detected after an attacker
    has logged out with a copied token.

    Args:
        generation: the generation of the presented token.
        family: the state of its family.
        presenter: attributes of the client.
        token_expires_at: the claim ``exp`` of the token. It applies to used tokens; the newest
            token has its deadline, to the microsecond, in the row.
        now: the database's clock, read together with the family.
        rules: the settings of the rotation rule.

    """
    verdict = _judge_generation(generation, family, presenter, now, rules)
    if verdict is Verdict.REUSED:
        return verdict
    if family.revoked:
        return Verdict.REVOKED
    if family.account_changed:
        return Verdict.ACCOUNT_CHANGED
    return _judge_expiry(generation, family, token_expires_at, now) or verdict


def within_refresh_limit(
    generation: int, family: FamilyState, *, max_refreshes: int | None, elsewhere: int
) -> bool:
    """Whether the limit of refreshes allows one more.

    Args:
        generation: the generation of the presented token.
        family: the state of its family.
        max_refreshes: the limit for all families of the session together; None for no limit.
        elsewhere: the number of refreshes of the session's other families.

    """
    # The first token of a family has generation 1.
    refreshes = max(generation, family.generation) + elsewhere
    return max_refreshes is None or refreshes <= max_refreshes


def rotates_on_reauthentication(
    generation: int, family: FamilyState, *, now: datetime, rules: Rules
) -> bool:
    """Whether a re-authentication with an access token of ``generation`` rotates the family.

    True for the newest generation outside the overlap. Within the overlap, siblings may present
    the token before, and responses with the newest token may arrive late. Without a rotation, the
    re-authentication applies to the new access token alone.
    """
    return generation == family.generation and not in_overlap(family, now=now, rules=rules)


def redeemable_after_reauthentication(family: FamilyState, *, rules: Rules) -> int | None:
    """The generation that stays redeemable after a rotation by re-authentication, or None.

    Its tokens stay usable for siblings and for recovery. The strict mode has neither an overlap
    nor recovery: there these tokens become unusable at once, access tokens included (ASVS 7.2.4).
    """
    strict = not rules.overlap and not rules.lost_response_recovery
    return None if strict else family.generation


def in_overlap(family: FamilyState, *, now: datetime, rules: Rules) -> bool:
    """Whether siblings may still present tokens from before the last rotation."""
    # A family without a rotation has no siblings: its first refresh always rotates.
    return family.rotated_at is not None and now - family.rotated_at < rules.overlap


def tolerated_after_rotation(
    verdict: Verdict, family: FamilyState, *, now: datetime, rules: Rules
) -> int | None:
    """The oldest generation that siblings may present after a rotation, if older than redeemable.

    Two kinds of rotation ignore a running overlap: a token newer than the row (siblings hold
    generations that the database has lost), and opening a family within the overlap.
    """
    if verdict is Verdict.AHEAD_OF_DATABASE or in_overlap(family, now=now, rules=rules):
        return family.oldest_sibling
    return None


def is_sibling(family: FamilyState, presenter: Presenter) -> bool:
    """Whether the client has the attributes of a sibling of the last client."""
    if family.companion_known:
        return presenter.shows_companion
    return presenter.resembles_last_client


def may_write_back(
    verdict: Verdict, family: FamilyState, *, opens: bool, now: datetime, rules: Rules
) -> bool:
    """Whether a late response may overwrite the new token in the client's storage.

    True after a rotation that ignores a running overlap. The client's old token is then recovered
    and not treated as reuse.
    """
    opens_in_overlap = opens and in_overlap(family, now=now, rules=rules)
    return verdict is Verdict.AHEAD_OF_DATABASE or opens_in_overlap


def has_companion_priority(family: FamilyState, presenter: Presenter) -> bool:
    """Whether the client shows the companion cookie and the last rotation did not."""
    return presenter.shows_companion and not family.companion_shown


def keeps_opened_family(family: FamilyState, presenter: Presenter) -> bool:
    """Whether a recovery keeps the family that the previous rotation opened.

    True if both requests showed the companion cookie: they come from one browser.
    """
    return family.companion_shown and presenter.shows_companion


def _judge_generation(
    generation: int, family: FamilyState, presenter: Presenter, now: datetime, rules: Rules
) -> Verdict:
    if family.closed_at is not None:
        closed_just_now = now - family.closed_at < rules.overlap
        return Verdict.SUPERSEDED if closed_just_now else Verdict.REUSED
    if generation > family.generation:
        return Verdict.AHEAD_OF_DATABASE
    if generation >= family.oldest_sibling and in_overlap(family, now=now, rules=rules):
        return _judge_sibling(generation, family, presenter, now, rules)
    if generation == family.generation:
        return Verdict.ROTATE
    return _judge_used(generation, family, presenter, rules)


def _judge_expiry(
    generation: int, family: FamilyState, token_expires_at: datetime, now: datetime
) -> Verdict | None:
    if now >= family.expires_at:
        return Verdict.EXPIRED_ABSOLUTE
    if now >= family.idle_expires_at:
        return Verdict.EXPIRED_IDLE
    if generation < family.generation and now >= token_expires_at:
        return Verdict.EXPIRED_IDLE
    return None


def _judge_sibling(
    generation: int, family: FamilyState, presenter: Presenter, now: datetime, rules: Rules
) -> Verdict:
    """Judge a token that was presented within the overlap."""
    newest, redeemable = family.generation, family.redeemable_generation
    # A response sent later could arrive after the next rotation, and overwrite a newer token in
    # the client's storage. The search in tests/model shows that a third of the overlap is safe.
    early = family.rotated_at is not None and now - family.rotated_at < rules.overlap / 3
    if presenter.shows_companion and family.companion_shown and early and generation != newest:
        return Verdict.SUCCESSOR
    if (
        generation == redeemable
        and rules.lost_response_recovery
        and has_companion_priority(family, presenter)
    ):
        return _recover(generation, family, presenter)
    if family.companion_shown and not presenter.shows_companion:
        return Verdict.SUPERSEDED
    if generation == newest and early:
        return Verdict.RESEND
    return Verdict.ACCESS_ONLY if generation in {newest, redeemable} else Verdict.SUPERSEDED


def _judge_used(
    generation: int, family: FamilyState, presenter: Presenter, rules: Rules
) -> Verdict:
    """Judge a used token outside the overlap."""
    if generation != family.redeemable_generation or not rules.lost_response_recovery:
        return Verdict.REUSED
    stored_by_sibling = family.sibling_answered and is_sibling(family, presenter)
    if family.delivered_at is None or stored_by_sibling:
        return _recover(generation, family, presenter)
    return Verdict.REUSED


def _recover(generation: int, family: FamilyState, presenter: Presenter) -> Verdict:
    priority = has_companion_priority(family, presenter)
    if family.opened_family_used and not priority and not keeps_opened_family(family, presenter):
        # A client uses the opened family: the response with its first token was not lost.
        return Verdict.REUSED
    consecutive = family.generation - generation - 1
    by_others = family.recoveries_by_others if presenter.is_other_client else 0
    if by_others >= MAX_RECOVERIES_BY_OTHERS:
        return Verdict.RECOVERY_LIMIT
    if consecutive >= MAX_RECOVERIES_IN_A_ROW and not priority:
        return Verdict.RECOVERY_LIMIT
    return Verdict.RECOVER
