"""Victims and thieves at a counter that is either the model or the package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import check_access_token, refresh_session
from refresh_sessions.tokens import access as access_tokens
from tests.clock import Clock
from tests.domain.stories import AFTER_OVERLAP
from tests.factories import make_pair
from tests.model.former_reference import Answer, Family, Rule


@dataclass(frozen=True)
class Tokens:
    """What an answer brings; no refresh token means that the old one is to be kept."""

    refresh: Any
    access: Any
    proven: bool
    """The access token says when its owner proved who they are."""


class Refused(Exception):  # noqa: N818 - it tells how a story goes on, not what went wrong
    """No tokens. The text is "later" where the client may ask again, otherwise "over"."""


class Counter(ABC):
    """Where tokens are exchanged, and access tokens used."""

    @abstractmethod
    def sign_in(self) -> Tokens: ...

    @abstractmethod
    def refresh(self, token: Any) -> Tokens: ...

    @abstractmethod
    def call(self, access: Any) -> bool:
        """Use an access token, and say whether it was accepted."""

    @abstractmethod
    def wait(self) -> None:
        """Let the overlap pass."""

    @abstractmethod
    def wait_half(self) -> None:
        """Let the first half of the overlap pass."""

    @property
    @abstractmethod
    def ended_by(self) -> str:
        """Why the session has ended: "reuse", "recovery_limit", or nothing."""


class ModelCounter(Counter):
    """The reference rule, with generations for tokens."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.family = Family()
        self.proven = True

    def sign_in(self) -> Tokens:
        return Tokens(self.family.newest, self.family.newest, self.proven)

    def refresh(self, token: int) -> Tokens:
        if self.family.ended_by:
            raise Refused("over")
        answer, self.family, refresh, access = self.rule.refresh(token, self.family)
        if access is None:
            raise Refused("later" if answer is Answer.SUPERSEDED else "over")
        self.proven = self.proven and answer is not Answer.RECOVERED
        return Tokens(refresh, access, self.proven)

    def call(self, access: int) -> bool:
        accepted = self.rule.accepts(access, self.family)
        if accepted:
            self.family = self.rule.call(access, self.family)
        return accepted

    def wait(self) -> None:
        self.family = self.family._replace(fresh=False, early=False)

    def wait_half(self) -> None:
        self.family = self.family._replace(early=False)

    @property
    def ended_by(self) -> str:
        reasons = {Answer.ACCUSED: "reuse", Answer.RECOVERY_LIMIT: "recovery_limit"}
        return reasons[self.family.ended_by] if self.family.ended_by else ""


class PackageCounter(Counter):
    """The package, on the database of the run."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def sign_in(self) -> Tokens:
        pair = make_pair(methods=("pwd",))
        self.session = pair.session
        self.clock.move(AFTER_OVERLAP)
        return Tokens(pair.refresh, pair.access, proven=True)

    def refresh(self, token: str) -> Tokens:
        try:
            pair = refresh_session(token)
        except RefreshSessionsError as error:
            raise Refused("later" if error.code == "refresh_superseded" else "over") from error
        claims = access_tokens.verify(pair.access)
        return Tokens(pair.refresh, pair.access, proven=claims.authenticated_at is not None)

    def call(self, access: str) -> bool:
        try:
            check_access_token(access)
        except RefreshSessionsError:
            return False
        return True

    def wait(self) -> None:
        self.clock.move(AFTER_OVERLAP)

    def wait_half(self) -> None:
        self.clock.move(AFTER_OVERLAP / 2)

    @property
    def ended_by(self) -> str:
        return DeviceSession.objects.get(pk=self.session.pk).revoked_reason


class Person:
    """Somebody with a storage for tokens, who counts what they are given."""

    def __init__(self, counter: Counter, tokens: Tokens) -> None:
        self.counter = counter
        self.token, self.access = tokens.refresh, tokens.access
        self.first = tokens.refresh
        self.got: list[Tokens] = []

    def copied(self) -> Person:
        """A thief with all that this person has stored."""
        return Person(self.counter, Tokens(self.token, self.access, proven=True))

    def refresh(self, token: Any = None) -> str:
        """Refresh, store what comes, and say how that went."""
        before = token or self.token
        try:
            tokens = self.ask(before)
        except Refused as refusal:
            return str(refusal)
        self.save(tokens)
        return "access only" if tokens.refresh in {None, before} else "new token"

    def ask(self, token: Any = None) -> Tokens:
        """Refresh, but store nothing: the answer is late, or lost."""
        tokens = self.counter.refresh(token or self.token)
        self.got.append(tokens)
        return tokens

    def save(self, tokens: Tokens) -> None:
        self.token = tokens.refresh or self.token
        self.access = tokens.access

    def call(self) -> bool:
        return self.counter.call(self.access)

    @property
    def loot(self) -> tuple[int, int]:
        """How many new refresh tokens they have been given, and how many access tokens."""
        refresh_tokens = {tokens.refresh for tokens in self.got} - {None, self.first}
        return len(refresh_tokens), len(self.got)
