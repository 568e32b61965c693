"""Victims and thieves at a counter that is either the model or the package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import check_access_token, refresh_session
from refresh_sessions.tokens import access_tokens
from tests.clock import Clock
from tests.domain.stories import AFTER_OVERLAP
from tests.factories import make_pair
from tests.model.reference import Answer, Family, Presenter, Rule


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
    def log_in(self) -> Tokens: ...

    @abstractmethod
    def refresh(self, token: Any, *, elsewhere: bool) -> Tokens:
        """Present a refresh token, from where the owner is or from elsewhere."""

    @abstractmethod
    def call(self, access: Any) -> bool:
        """Use an access token, and say whether it was accepted."""

    @abstractmethod
    def wait(self) -> None:
        """Let the overlap pass."""

    @abstractmethod
    def wait_half(self) -> None:
        """Let the first third of the overlap pass."""

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
        self.last_elsewhere = False

    def log_in(self) -> Tokens:
        return Tokens(self.family.newest, self.family.newest, self.proven)

    def refresh(self, token: int, *, elsewhere: bool) -> Tokens:
        presenter = Presenter(resembles=elsewhere == self.last_elsewhere)
        reply = self.rule.refresh(token, self.family, presenter)
        self.family = reply.family
        if reply.access is None:
            raise Refused("later" if reply.answer is Answer.SUPERSEDED else "over")
        recovered = reply.answer is Answer.RECOVERED
        if reply.answer.issues_token and not (recovered and not presenter.resembles):
            self.last_elsewhere = elsewhere
        self.proven = self.proven and not recovered
        proven = self.proven and reply.answer is not Answer.ACCESS_ONLY
        return Tokens(reply.refresh, reply.access, proven)

    def call(self, access: int) -> bool:
        accepted = self.rule.accepts(access, self.family)
        if accepted:
            self.family = self.rule.call(access, self.family)
        return accepted

    def wait(self) -> None:
        self.family = self.family._replace(age=self.rule.overlap)

    def wait_half(self) -> None:
        self.family = self.family._replace(age=self.rule.early)

    @property
    def ended_by(self) -> str:
        if self.family.alarm:
            return "reuse"
        return "recovery_limit" if self.family.limit else ""


class PackageCounter(Counter):
    """The package, on the database of the run."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def log_in(self) -> Tokens:
        pair = make_pair(methods=("pwd",), request=_request(elsewhere=False))
        self.session = pair.session
        self.clock.move(AFTER_OVERLAP)
        return Tokens(pair.refresh, pair.access, proven=True)

    def refresh(self, token: str, *, elsewhere: bool) -> Tokens:
        try:
            pair = refresh_session(token, request=_request(elsewhere=elsewhere))
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


def _request(*, elsewhere: bool) -> HttpRequest:
    address, agent = ("198.51.100.7", "curl/8") if elsewhere else ("192.0.2.1", "App/1")
    return RequestFactory().post("/", REMOTE_ADDR=address, HTTP_USER_AGENT=agent)


class Actor:
    """Somebody with a storage for tokens, who counts what they are given."""

    def __init__(self, counter: Counter, tokens: Tokens, *, elsewhere: bool = False) -> None:
        self.counter = counter
        self.elsewhere = elsewhere
        self.token, self.access = tokens.refresh, tokens.access
        self.first = tokens.refresh
        self.got: list[Tokens] = []

    def copied(self) -> Actor:
        """A thief with all that this person has stored."""
        tokens = Tokens(self.token, self.access, proven=True)
        return Actor(self.counter, tokens, elsewhere=True)

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
        tokens = self.counter.refresh(token or self.token, elsewhere=self.elsewhere)
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
