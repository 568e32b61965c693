"""The rotation rule: how to answer a presented refresh token. Pure: no clock, no database.

A used refresh token is dead once its successor has been seen in use. Until then the client may
never have received the successor, so its retry is accepted, and accepting it kills the successor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from refresh_sessions.exceptions import ExpiryReason

MAX_RECOVERIES_IN_A_ROW: Final = 8
"""Recoveries without an ordinary rotation between them."""

MAX_RECOVERIES_BY_OTHERS: Final = 2
"""Of these, recoveries by clients that resemble neither address nor user agent of the last one."""


class Verdict(Enum):
    """How to answer a presented refresh token."""

    ROTATE = auto()
    """The newest token: issue its successor."""
    RECOVER = auto()
    """The successor got lost on its way: issue another in its place."""
    AHEAD_OF_DATABASE = auto()
    """Newer than the row: the database lost its last writes, the client did not."""
    RESEND = auto()
    """The newest token, moments after its rotation: the same token once more."""
    SUCCESSOR = auto()
    """A sibling that shows the companion has just rotated: the newest token for this one too."""
    ACCESS_ONLY = auto()
    """A sibling has just rotated: an access token, and the client keeps what it stores."""
    SUPERSEDED = auto()
    """A sibling has stored a newer token: the client reads its storage again."""
    REVOKED = auto()
    """The session has been revoked."""
    ACCOUNT_CHANGED = auto()
    """The user was deactivated or has another password: revoke the session."""
    REUSED = auto()
    """A used token after its successor was seen in use: two clients hold tokens of one chain."""
    EXPIRED_ABSOLUTE = auto()
    EXPIRED_IDLE = auto()
    REFRESH_LIMIT = auto()
    """No more refreshes in this session; it lasts until its access token runs out."""
    RECOVERY_LIMIT = auto()
    """Too many lost answers in a row: revoke the session, but accuse nobody."""

    @property
    def issues_token(self) -> bool:
        """Whether a new refresh token is issued."""
        return self in {Verdict.ROTATE, Verdict.RECOVER, Verdict.AHEAD_OF_DATABASE}

    @property
    def repeats(self) -> bool:
        """Whether the answer gives what a sibling has already got; nothing is issued anew."""
        return self in {Verdict.RESEND, Verdict.SUCCESSOR, Verdict.ACCESS_ONLY}

    @property
    def expiry(self) -> ExpiryReason | None:
        """Which limit has been reached, if one has."""
        return _EXPIRIES.get(self)


_EXPIRIES: Final = {
    Verdict.EXPIRED_ABSOLUTE: ExpiryReason.ABSOLUTE,
    Verdict.EXPIRED_IDLE: ExpiryReason.IDLE,
    Verdict.REFRESH_LIMIT: ExpiryReason.REFRESH_LIMIT,
    Verdict.RECOVERY_LIMIT: ExpiryReason.RECOVERY_LIMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenter:
    """What the request tells of its client, beside the token."""

    shows_companion: bool = False
    """It carries the companion cookie of the family."""
    resembles_last_client: bool = False
    """It comes from the network, or with the user agent, of the last rotation."""

    @property
    def is_other_client(self) -> bool:
        """Whether nothing ties it to the client of the last rotation."""
        return not self.shows_companion and not self.resembles_last_client


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyState:
    """A family and its session as one SELECT found them."""

    generation: int
    redeemable_generation: int | None
    rotated_at: datetime | None
    delivered_at: datetime | None
    idle_expires_at: datetime
    expires_at: datetime
    """The session's hard limit."""
    revoked: bool
    """The session is revoked."""
    account_changed: bool
    """The user is inactive, or has another password than at sign-in."""
    closed_at: datetime | None = None
    """When the rotation that opened the family was taken back."""
    companion_generation: int | None = None
    """The newest generation whose rotation showed the companion cookie."""
    sibling_answered: bool = False
    """Since the last rotation, a sibling was answered ACCESS_ONLY: it may write its token back."""
    tolerated_generation: int | None = None
    """The oldest generation that siblings may still present within the overlap, where it is older
    than the redeemable one."""
    recoveries_by_others: int = 0
    opened_family_used: bool = False
    """The newest rotation opened a family, whose token has been used."""

    @property
    def companion_known(self) -> bool:
        """Whether a rotation of the family ever showed the companion."""
        return self.companion_generation is not None

    @property
    def companion_shown(self) -> bool:
        """Whether the last rotation showed the companion."""
        return self.companion_generation == self.generation

    @property
    def oldest_usable(self) -> int:
        """The oldest generation that is not dead."""
        return self.redeemable_generation or self.generation

    @property
    def oldest_sibling(self) -> int:
        """The oldest generation that a sibling may hold within the overlap."""
        return self.tolerated_generation or self.oldest_usable


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that the rule depends on."""

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
    """Say how to answer a token of ``generation``.

    Reuse is judged first, as if the session had neither been revoked nor expired: an attacker who
    signs out behind himself is found when the owner comes back.

    Args:
        generation: of the presented token.
        family: the state of its family.
        presenter: what the request shows beside the token.
        token_expires_at: the token's own ``exp``. It counts for tokens that have been used; for
            the newest one the row says the same, to the microsecond.
        now: the database's clock, as read together with the family.
        rules: limits in force.

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
        generation: of the presented token.
        family: the state of its family.
        max_refreshes: the limit, for all families of the session together.
        elsewhere: how often its other families have been refreshed.

    """
    # A family's first token is generation 1, and every refresh adds one.
    refreshes = max(generation, family.generation) + elsewhere
    return max_refreshes is None or refreshes <= max_refreshes


def rotates_on_reauthentication(
    generation: int, family: FamilyState, *, now: datetime, rules: Rules
) -> bool:
    """Whether a re-authentication, given with an access token that is accepted, rotates.

    Only for the newest generation, and only when nothing else is under way: within the overlap
    siblings may still come with the token before, and answers that bring the newest one back may
    arrive late. Otherwise the re-authentication goes to the access token alone.
    """
    return generation == family.generation and not in_overlap(family, now=now, rules=rules)


def redeemable_after_reauthentication(family: FamilyState, *, rules: Rules) -> int | None:
    """The generation from before a re-authentication that rotates, if its tokens stay usable.

    They do for the sake of siblings and of lost answers. In the strict mode, which has
    neither, they are dead at once, access tokens included (ASVS 7.2.4).
    """
    strict = not rules.overlap and not rules.lost_response_recovery
    return None if strict else family.generation


def in_overlap(family: FamilyState, *, now: datetime, rules: Rules) -> bool:
    """Whether siblings may still come with tokens from before the last rotation."""
    # A family that was only opened has no siblings yet: its first refresh always rotates.
    return family.rotated_at is not None and now - family.rotated_at < rules.overlap


def tolerated_after_rotation(
    verdict: Verdict, family: FamilyState, *, now: datetime, rules: Rules
) -> int | None:
    """The oldest generation that siblings may present after a rotation, if older than redeemable.

    Two rotations skip the overlap: a token newer than the row (siblings hold whatever the database
    forgot), and opening a family moments after a refresh.
    """
    if verdict is Verdict.AHEAD_OF_DATABASE or in_overlap(family, now=now, rules=rules):
        return family.oldest_sibling
    return None


def is_sibling(family: FamilyState, presenter: Presenter) -> bool:
    """Whether the client shows what siblings of the last one would."""
    if family.companion_known:
        return presenter.shows_companion
    return presenter.resembles_last_client


def may_write_back(
    verdict: Verdict, family: FamilyState, *, opens: bool, now: datetime, rules: Rules
) -> bool:
    """Whether an answer under way may still overwrite the token of a rotation with an older one.

    After the rotations that skip the overlap. Such a client is not accused.
    """
    in_between = opens and in_overlap(family, now=now, rules=rules)
    return verdict is Verdict.AHEAD_OF_DATABASE or in_between


def companion_wins(family: FamilyState, presenter: Presenter) -> bool:
    """Whether the last rotation lacked the companion that this client shows."""
    return presenter.shows_companion and not family.companion_shown


def keeps_opened_family(family: FamilyState, presenter: Presenter) -> bool:
    """Whether a recovery leaves the family alone that the rotation before it opened.

    The companion shows that both are of one browser.
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
    """Requests that were under way while one of their siblings rotated."""
    newest, redeemable = family.generation, family.redeemable_generation
    # A later answer could arrive after the next rotation, and the client would save an old token
    # over a newer one. A third is what the search of the model allows: tests/model.
    early = family.rotated_at is not None and now - family.rotated_at < rules.overlap / 3
    if presenter.shows_companion and family.companion_shown and early and generation != newest:
        return Verdict.SUCCESSOR
    if (
        generation == redeemable
        and rules.lost_response_recovery
        and companion_wins(family, presenter)
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
    """A used token, outside the overlap."""
    if generation != family.redeemable_generation or not rules.lost_response_recovery:
        return Verdict.REUSED
    forgiven = family.sibling_answered and is_sibling(family, presenter)
    if family.delivered_at is None or forgiven:
        return _recover(generation, family, presenter)
    return Verdict.REUSED


def _recover(generation: int, family: FamilyState, presenter: Presenter) -> Verdict:
    wins = companion_wins(family, presenter)
    if family.opened_family_used and not wins and not keeps_opened_family(family, presenter):
        # Whoever uses the family that the lost answer opened has got that answer.
        return Verdict.REUSED
    in_a_row = family.generation - generation - 1
    by_others = family.recoveries_by_others if presenter.is_other_client else 0
    if by_others >= MAX_RECOVERIES_BY_OTHERS or (in_a_row >= MAX_RECOVERIES_IN_A_ROW and not wins):
        return Verdict.RECOVERY_LIMIT
    return Verdict.RECOVER
