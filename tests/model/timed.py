"""The reference rule with instants: limits, the overlap, and a database that may forget.

Written from the protocol's description, for ``test_machine`` to hold against the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tests.model.former_reference import Answer, Family, Proof, Reply, Rule

_REASONS: Final = {Answer.ACCUSED: "reuse", Answer.RECOVERY_LIMIT: "recovery_limit"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The settings that are counted or timed."""

    overlap: timedelta
    access: timedelta
    refresh: timedelta
    session: timedelta
    refreshes: int | None
    leeway: timedelta


@dataclass(frozen=True)
class Expected:
    """How a request is answered."""

    code: str
    """As ``tests.domain.stories`` spells refusals; "ok" otherwise."""
    refresh: int | None = None
    access: int | None = None


@dataclass(frozen=True, kw_only=True)
class Token:
    """A refresh or access token, as far as its meaning goes."""

    generation: int
    expires_at: datetime
    """In whole seconds, as a JWT has it."""
    proof: int | None = None
    """Which proof of identity it tells of, if any; 0 is that of sign-in."""


@dataclass(kw_only=True)
class TimedFamily:
    """A session with one family, as it should be."""

    rule: Rule
    limits: Limits
    idle_expires_at: datetime
    expires_at: datetime
    family: Family = field(default_factory=Family)
    rotated_at: datetime | None = None
    identity: Proof = Proof.LINE
    proof: int = 0
    """The last proof of identity, which ``identity`` speaks of."""
    proofs: int = 0
    """How often identity was proven again; a database that forgets does not make it fewer."""
    account_changed: str = ""
    """The reason for which the next refresh ends the session."""
    ended: str = ""
    """The reason for which it has ended."""
    events: list[str] = field(default_factory=list)
    """Those between sign-in and end."""

    @classmethod
    def starting(cls, rule: Rule, limits: Limits, now: datetime) -> TimedFamily:
        """Sign in."""
        end = now + limits.session
        idle = min(now + limits.refresh, end)
        return cls(rule=rule, limits=limits, idle_expires_at=idle, expires_at=end)

    def refresh(self, token: Token, now: datetime) -> Expected:
        """Present a refresh token."""
        self.ended = self.ended or self.account_changed
        if self.ended:
            return Expected("session_revoked")
        reply = self.rule.refresh(token.generation, self._at(now))
        limit = self._time_limit(token, now)
        if limit and not self._is_dead(token):
            return Expected(f"session_expired/{limit}")
        if reply.family.ended_by:
            return self._end(reply.family.ended_by)
        if reply.answer.mints:
            return self._rotate(reply, now)
        code = "refresh_superseded" if reply.answer is Answer.SUPERSEDED else "ok"
        return Expected(code, reply.refresh, reply.access)

    def call(self, token: Token, now: datetime) -> Expected:
        """Use an access token."""
        expired = Expected("token_not_valid/token_expired")
        if now >= token.expires_at + self.limits.leeway:
            return expired
        if self.ended or self.account_changed:
            return Expected("session_revoked")
        if now >= min(self.idle_expires_at, self.expires_at):
            return expired
        if not self.rule.accepts(token.generation, self.family):
            return Expected("token_not_valid/token_superseded")
        self.family = self.rule.call(token.generation, self.family)
        return Expected("ok")

    def step_up(self, token: Token, now: datetime) -> Expected:
        """Use an access token to prove one's identity."""
        accepted = self.call(token, now)
        if accepted.code != "ok":
            return accepted
        self.proofs += 1
        self.proof = self.proofs
        self.events.append("reauthenticated")
        reply = self.rule.step_up(token.generation, self._at(now))
        if reply.answer.mints and self._may_refresh(reply):
            expected = self._rotate(reply, now)
            self.identity = Proof.NEWEST
            return expected
        self.identity = Proof.BESIDE
        return Expected("ok", None, token.generation)

    def vouched(self, generation: int) -> int | None:
        """The proof that an access token of this generation tells of, if it is made now."""
        vouches = self.rule.vouches(generation, self.family, self.identity)
        return self.proof if vouches else None

    def is_proven_by(self, token: Token) -> bool:
        """Whether an access token counts as a proof of identity, however old."""
        return self.identity is not Proof.NONE and token.proof == self.proof

    def forget(self, earlier: TimedFamily) -> None:
        """Lose the last writes to the family's row; those to the session's are kept."""
        self.family, self.rotated_at = earlier.family, earlier.rotated_at
        self.idle_expires_at = earlier.idle_expires_at
        self.identity, self.proof = earlier.identity, earlier.proof

    def _at(self, now: datetime) -> Family:
        if self.rotated_at is None:
            return self.family._replace(fresh=False, early=False)
        since, overlap = now - self.rotated_at, self.limits.overlap
        return self.family._replace(fresh=since < overlap, early=since < overlap / 2)

    def _is_dead(self, token: Token) -> bool:
        """Used up for good; a proof of identity in the strict mode leaves but the newest alive."""
        return token.generation < (self.family.redeemable or self.family.newest)

    def _time_limit(self, token: Token, now: datetime) -> str:
        if now >= self.expires_at:
            return "absolute"
        used = token.generation < self.family.newest
        if now >= self.idle_expires_at or (used and now >= token.expires_at):
            return "idle"
        return ""

    def _rotate(self, reply: Reply, now: datetime) -> Expected:
        if not self._may_refresh(reply):
            return Expected("session_expired/refresh_limit")
        self.family = reply.family
        self.rotated_at = now
        self.idle_expires_at = min(now + self.limits.refresh, self.expires_at)
        self.identity = self.identity.after(reply.answer)
        if reply.answer is Answer.HEALED:
            self.events.append("healed")
        return Expected("ok", reply.refresh, reply.access)

    def _may_refresh(self, reply: Reply) -> bool:
        # The first token is not the fruit of a refresh.
        refreshes = reply.family.newest - 1
        return self.limits.refreshes is None or refreshes <= self.limits.refreshes

    def _end(self, answer: Answer) -> Expected:
        self.ended = _REASONS[answer]
        accused = answer is Answer.ACCUSED
        return Expected("session_revoked" if accused else "session_expired/recovery_limit")
