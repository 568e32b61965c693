"""The rotation rule: what a presented refresh token is worth. Pure: no clock, no database.

A used refresh token is dead once its successor has been seen in use. Until then the client may
simply never have received it, so its retry is honoured, and honouring it kills the successor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from refresh_sessions.exceptions import ExpiryReason

MAX_RECOVERIES_IN_A_ROW: Final = 8


class Verdict(Enum):
    """What to do about a presented refresh token."""

    ROTATE = auto()
    """The newest token: issue its successor."""
    RECOVER = auto()
    """The successor got lost on its way: issue another in its place."""
    HEAL = auto()
    """Newer than the row: the database lost its last writes, the client did not."""
    UNCHANGED = auto()
    """A sibling has only just rotated and this client holds the result: its token once more."""
    ACCESS_ONLY = auto()
    """A sibling has just rotated: an access token, and the client keeps what it stores."""
    SUPERSEDED = auto()
    """A lineage that was taken back moments ago: the client's storage holds a newer token."""
    REVOKED = auto()
    """The session or the family has been ended."""
    ACCOUNT_CHANGED = auto()
    """The user was deactivated or has another password: end the session."""
    REUSED = auto()
    """A used token after its successor was seen in use: somebody else has one of the two."""
    EXPIRED_ABSOLUTE = auto()
    EXPIRED_IDLE = auto()
    REFRESH_LIMIT = auto()
    """No more refreshes in this session; it lasts until its access token runs out."""
    RECOVERY_LIMIT = auto()
    """Too many lost answers in a row: end the session, but accuse nobody."""

    @property
    def mints(self) -> bool:
        """Whether a new refresh token is issued."""
        return self in {Verdict.ROTATE, Verdict.RECOVER, Verdict.HEAL}

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
class FamilyState:
    """A family and its session as one SELECT found them."""

    generation: int
    redeemable_generation: int | None
    rotated_at: datetime | None
    delivered_at: datetime | None
    idle_expires_at: datetime
    expires_at: datetime
    """The session's hard limit."""
    ended: bool
    """The session is revoked or the family closed."""
    account_changed: bool
    """The user is inactive, or has another password than at sign-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that the rule depends on."""

    overlap: timedelta
    lost_response_recovery: bool


def judge(
    generation: int,
    family: FamilyState,
    *,
    token_expires_at: datetime,
    now: datetime,
    rules: Rules,
) -> Verdict:
    """Say what a token of ``generation`` is worth.

    Args:
        generation: of the presented token.
        family: the state of its family.
        token_expires_at: the token's own ``exp``. It counts for tokens that have been used; for
            the newest one the row says the same, to the microsecond.
        now: the database's clock, as read together with the family.
        rules: limits in force.

    """
    if family.ended:
        return Verdict.REVOKED
    if family.account_changed:
        return Verdict.ACCOUNT_CHANGED
    if generation < _oldest_usable(family):
        return Verdict.REUSED
    return (
        _judge_expiry(generation, family, token_expires_at, now)
        or _judge_overlap(generation, family, now, rules)
        or _judge_use(generation, family, rules)
    )


def may_mint(
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


def rotates_on_proof(generation: int, family: FamilyState, *, now: datetime, rules: Rules) -> bool:
    """Whether a proof of identity, given with an access token that is accepted, rotates.

    Only for the newest generation, and only when nothing else is under way: within the overlap
    siblings may still come with the token before, and answers that bring the newest one back may
    arrive late. Otherwise the proof goes to the access token alone, and no line is touched.
    """
    if generation != family.generation:
        return False
    return _judge_overlap(generation, family, now, rules) is None


def redeemable_after_proof(family: FamilyState, *, rules: Rules) -> int | None:
    """The generation from before a proof that rotates, if its tokens may still be used.

    They may for the sake of siblings and of lost answers. In the strict mode, which knows of
    neither, they are dead at once, access tokens included (ASVS 7.2.4).
    """
    strict = not rules.overlap and not rules.lost_response_recovery
    return None if strict else family.generation


def _oldest_usable(family: FamilyState) -> int:
    return family.redeemable_generation or family.generation


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


def _judge_overlap(
    generation: int, family: FamilyState, now: datetime, rules: Rules
) -> Verdict | None:
    """Requests of siblings that were under way while one of them rotated."""
    # A family that has only signed in has no siblings yet: its first refresh always rotates.
    if family.rotated_at is None or now - family.rotated_at >= rules.overlap:
        return None
    # Sent back in the second half, the token could arrive after the next rotation, and the
    # client would save it over a newer one.
    if generation == family.generation and now - family.rotated_at < rules.overlap / 2:
        return Verdict.UNCHANGED
    if generation in {family.generation, family.redeemable_generation}:
        return Verdict.ACCESS_ONLY
    if generation < family.generation:
        return Verdict.SUPERSEDED
    return None


def _judge_use(generation: int, family: FamilyState, rules: Rules) -> Verdict:
    if generation == family.generation:
        return Verdict.ROTATE
    if generation > family.generation:
        return Verdict.HEAL
    redeemable = generation == family.redeemable_generation
    if redeemable and family.delivered_at is None and rules.lost_response_recovery:
        recoveries = family.generation - generation - 1
        if recoveries < MAX_RECOVERIES_IN_A_ROW:
            return Verdict.RECOVER
        return Verdict.RECOVERY_LIMIT
    return Verdict.REUSED
