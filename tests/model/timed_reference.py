"""The reference rule with instants: time limits, the overlap, and lost database writes.

Derived from the description of the protocol; ``test_machine`` compares it with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tests.model.reference import (
    OLD,
    Answer,
    Child,
    Family,
    Presenter,
    Reauthentication,
    Reply,
    Rule,
)

CONFIRMED_AFTER: Final = timedelta(minutes=1)
"""``CONFIRM_DELIVERY_AFTER`` unless calls are evidence at once."""

_KINDS: Final = {
    "reuse": "reuse_detected",
    "recovery_limit": "limit_reached",
    "logout": "signed_out",
}
"""Kinds of events for revocation reasons; all other reasons are recorded as "revoked"."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Settings with counts or durations."""

    overlap: timedelta
    access: timedelta
    refresh: timedelta
    session: timedelta
    reauthentication: timedelta
    refreshes: int | None
    leeway: timedelta


@dataclass(frozen=True)
class Client:
    """The client of a request."""

    companion: bool
    """With the companion cookie of the login."""
    elsewhere: bool
    """With another network and user agent than at the login."""


@dataclass(frozen=True)
class Expected:
    """The expected outcome of a request."""

    code: str
    """Refusals as in ``tests.domain.client_actions``; otherwise "ok"."""
    refresh: int | None = None
    access: int | None = None
    reauthentication: int | None = None
    """The re-authentication of the access token."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """The meaning of a refresh or access token."""

    generation: int
    expires_at: datetime
    """In whole seconds, as in a JWT."""
    reauthentication: int | None = None
    """The number of its re-authentication, if any; 0 is the login."""


@dataclass(frozen=True)
class OpenedFamily:
    """The family that was opened last, until its first token is used."""

    idle_expires_at: datetime
    closed_at: datetime | None = None


@dataclass(kw_only=True)
class TimedFamily:
    """The expected state of a session with one family."""

    rule: Rule
    limits: Limits
    idle_expires_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    family: Family = field(default_factory=Family)
    rotated_at: datetime | None = None
    last_elsewhere: bool = False
    """The network of the client at the last rotation."""
    identity: Reauthentication = Reauthentication.CARRIED
    reauthentication: int = 0
    """The number of the last re-authentication, to which ``identity`` refers."""
    reauthentications: int = 0
    """The number of re-authentications; lost writes do not decrease it."""
    child: OpenedFamily | None = None
    account_changed: str = ""
    """The reason with which the next request revokes the session."""
    ended: str = ""
    """The reason of the revocation."""
    events: list[str] = field(default_factory=list)
    """Kinds of events after the login."""

    @classmethod
    def starting(cls, rule: Rule, limits: Limits, now: datetime) -> TimedFamily:
        """Log in."""
        end = now + limits.session
        idle = min(now + limits.refresh, end)
        return cls(
            rule=rule, limits=limits, idle_expires_at=idle, expires_at=end, authenticated_at=now
        )

    def refresh(self, token: Token, client: Client, now: datetime) -> Expected:
        """Exchange a refresh token."""
        presenter, family = self._presenter(client), self._at(now)
        refusal = self._refusal(token, self.rule.judge(token.generation, family, presenter), now)
        if refusal:
            return refusal
        reply = self.rule.refresh(token.generation, family, presenter)
        if reply.answer.issues_token:
            return self._rotate(reply, client, now)
        self.family = reply.family
        if reply.answer is Answer.SUPERSEDED:
            return Expected("refresh_superseded")
        return self._answer(reply)

    def call(self, token: Token, now: datetime) -> Expected:
        """Use an access token."""
        expired = Expected("token_not_valid/token_expired")
        if now >= token.expires_at + self.limits.leeway:
            return expired
        if self._is_revoked():
            return Expected("session_revoked")
        if now >= min(self.idle_expires_at, self.expires_at):
            return expired
        if not self.rule.accepts(token.generation, self.family):
            return Expected("token_not_valid/token_superseded")
        self.family = self.rule.call(token.generation, self._at(now))
        return Expected("ok")

    def step_up(self, token: Token, client: Client, now: datetime) -> Expected:
        """Re-authenticate with an access token."""
        accepted = self.call(token, now)
        if accepted.code != "ok":
            return accepted
        self.reauthentications += 1
        self.reauthentication, self.authenticated_at = self.reauthentications, now
        self.events.append("reauthenticated")
        reply = self.rule.step_up(token.generation, self._at(now), self._presenter(client))
        if reply.answer.issues_token and self._may_refresh(reply):
            expected = self._rotate(reply, client, now)
            self.identity = Reauthentication.NEWEST
            return replace(expected, reauthentication=self.reauthentication)
        self.identity = Reauthentication.BESIDE
        return Expected("ok", None, token.generation, self.reauthentication)

    def open_family(self, access: Token, token: Token, client: Client, now: datetime) -> Expected:
        """Open a family with access and refresh token."""
        accepted = self.call(access, now)
        if accepted.code != "ok":
            return accepted
        presenter, family = self._presenter(client), self._at(now)
        refusal = self._refusal(token, self.rule.judge(token.generation, family, presenter), now)
        if refusal:
            return refusal
        if token.generation != family.newest:
            return Expected("refresh_superseded")
        if self.rule.judge(token.generation, family, presenter) is Answer.SUPERSEDED:
            return Expected("refresh_superseded")
        recent = now - self.authenticated_at <= self.limits.reauthentication
        if not recent or not self.is_reauthenticated_by(access):
            return Expected("reauthentication_required")
        reply = self.rule.open_family(token.generation, family, presenter, reauthenticated=True)
        self.events.append("family_opened")
        expected = self._rotate(reply, client, now)
        self.child = OpenedFamily(min(now + self.limits.refresh, self.expires_at))
        return expected

    def use_child(self, now: datetime) -> str:
        """Refresh with the first token of the family that was opened last."""
        assert self.child is not None
        child, self.child = self.child, None
        if child.closed_at is not None and now - child.closed_at >= self.limits.overlap:
            return self._reuse().code
        if self._is_revoked():
            return "session_revoked"
        if now >= self.expires_at:
            return "session_expired/absolute"
        if now >= child.idle_expires_at:
            return "session_expired/idle"
        if child.closed_at is not None:
            return "refresh_superseded"
        if self.family.child is Child.NEW:
            self.family = self.family._replace(child=Child.USED)
        return "ok"

    def log_out(self, token: Token, client: Client, now: datetime) -> bool:
        """Log out with a refresh token; return whether that revokes the session."""
        presenter, family = self._presenter(client), self._at(now)
        was_over = bool(self.ended) or now >= self.expires_at
        if self.rule.judge(token.generation, family, presenter) is Answer.REUSED:
            was_revoked = bool(self.ended)
            self._reuse()
            return not was_revoked
        if was_over:
            return False
        self.family = self.rule.log_out(token.generation, family, presenter).family
        self.revoke("logout")
        return True

    def revoke(self, reason: str) -> None:
        """Revoke the session unless it is revoked."""
        if not self.ended:
            self.ended = reason
            self.events.append(_KINDS.get(reason, "revoked"))
            self.family = self.family._replace(revoked=True)

    def is_reauthenticated_by(self, token: Token) -> bool:
        """Whether an access token counts as a re-authentication of any age."""
        return (
            self.identity is not Reauthentication.NONE
            and token.reauthentication == self.reauthentication
        )

    def lose_writes(self, earlier: TimedFamily) -> None:
        """Lose the last writes to the family's row; those to the session's row remain."""
        revoked, reuse_detected = self.family.revoked, self.family.reuse_detected
        self.family = earlier.family._replace(revoked=revoked, reuse_detected=reuse_detected)
        self.rotated_at, self.last_elsewhere = earlier.rotated_at, earlier.last_elsewhere
        self.idle_expires_at = earlier.idle_expires_at
        self.identity, self.reauthentication = earlier.identity, earlier.reauthentication
        self.authenticated_at = earlier.authenticated_at

    def _presenter(self, client: Client) -> Presenter:
        return Presenter(client.companion, client.elsewhere == self.last_elsewhere)

    def _at(self, now: datetime) -> Family:
        return self.family._replace(age=self._age(now))

    def _age(self, now: datetime) -> int:
        """Return ticks since the last rotation: the first third, the rest, later."""
        if self.rotated_at is None:
            return OLD
        since, overlap = now - self.rotated_at, self.limits.overlap
        if since < overlap:
            return 0 if since < overlap / 3 else self.rule.early
        return self.rule.overlap if since < CONFIRMED_AFTER else OLD

    def _refusal(self, token: Token, judged: Answer, now: datetime) -> Expected | None:
        """Reuse precedes revocation, which precedes the time limits."""
        if judged is Answer.REUSED:
            return self._reuse()
        if self._is_revoked():
            return Expected("session_revoked")
        if limit := self._time_limit(token, now):
            return Expected(f"session_expired/{limit}")
        if judged is Answer.RECOVERY_LIMIT:
            self.revoke("recovery_limit")
            return Expected("session_expired/recovery_limit")
        return None

    def _is_revoked(self) -> bool:
        """The first request after a change of the account revokes the session."""
        if self.account_changed:
            self.revoke(self.account_changed)
        return bool(self.ended)

    def _reuse(self) -> Expected:
        if not self.family.reuse_detected:
            self.family = self.family._replace(reuse_detected=True)
            if self.ended:
                self.events.append("reuse_detected")
            self.revoke("reuse")
        return Expected("session_revoked")

    def _time_limit(self, token: Token, now: datetime) -> str:
        if now >= self.expires_at:
            return "absolute"
        used = token.generation < self.family.newest
        if now >= self.idle_expires_at or (used and now >= token.expires_at):
            return "idle"
        return ""

    def _rotate(self, reply: Reply, client: Client, now: datetime) -> Expected:
        if not self._may_refresh(reply):
            return Expected("session_expired/refresh_limit")
        recovered = reply.answer is Answer.RECOVERED
        resembles = client.elsewhere == self.last_elsewhere
        if not recovered or client.companion or resembles:
            self.last_elsewhere = client.elsewhere
        if self.child and reply.family.child is Child.CLOSING and not self.child.closed_at:
            self.child = replace(self.child, closed_at=now)
        self.family = reply.family
        self.rotated_at = now
        self.idle_expires_at = min(now + self.limits.refresh, self.expires_at)
        self.identity = self.identity.after(reply.answer)
        if reply.answer is Answer.AHEAD_OF_DATABASE:
            self.events.append("token_ahead_of_database")
        return self._answer(reply)

    def _answer(self, reply: Reply) -> Expected:
        carried = self.rule.carries(reply, self.identity)
        return Expected(
            "ok", reply.refresh, reply.access, self.reauthentication if carried else None
        )

    def _may_refresh(self, reply: Reply) -> bool:
        # The first token was issued by the login, not by a refresh.
        refreshes = reply.family.newest - 1
        return self.limits.refreshes is None or refreshes <= self.limits.refreshes
