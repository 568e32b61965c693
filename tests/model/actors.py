"""Owner and attacker as clients of a server, which is the model or the package."""

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
from tests.domain.client_actions import AFTER_OVERLAP
from tests.factories import make_pair
from tests.model.reference import Answer, Family, Presenter, Rule


@dataclass(frozen=True)
class Tokens:
    """Tokens of a response; without a refresh token the client keeps the old one."""

    refresh: Any
    access: Any
    authenticated: bool
    """The access token has the time of the authentication."""


class RefusedRequest(Exception):  # noqa: N818 - an expected outcome, not an error
    """A response without tokens. The text is "later" if the client may retry, otherwise "over"."""


class Server(ABC):
    """Issues and accepts tokens."""

    @abstractmethod
    def log_in(self) -> Tokens: ...

    @abstractmethod
    def refresh(self, token: Any, *, elsewhere: bool) -> Tokens:
        """Send a refresh token, from the owner's network or another one."""

    @abstractmethod
    def call(self, access: Any) -> bool:
        """Use an access token; return whether it was accepted."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until the overlap has passed."""

    @abstractmethod
    def wait_half(self) -> None:
        """Wait until the first third of the overlap has passed."""

    @property
    @abstractmethod
    def ended_by(self) -> str:
        """Reason of the revocation: "reuse", "recovery_limit", or an empty string."""


class ModelServer(Server):
    """The reference rule; tokens are generations."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.family = Family()
        self.authenticated = True
        self.last_elsewhere = False

    def log_in(self) -> Tokens:
        return Tokens(self.family.newest, self.family.newest, self.authenticated)

    def refresh(self, token: int, *, elsewhere: bool) -> Tokens:
        presenter = Presenter(resembles=elsewhere == self.last_elsewhere)
        reply = self.rule.refresh(token, self.family, presenter)
        self.family = reply.family
        if reply.access is None:
            raise RefusedRequest("later" if reply.answer is Answer.SUPERSEDED else "over")
        recovered = reply.answer is Answer.RECOVERED
        if reply.answer.issues_token and not (recovered and not presenter.resembles):
            self.last_elsewhere = elsewhere
        self.authenticated = self.authenticated and not recovered
        authenticated = self.authenticated and reply.answer is not Answer.ACCESS_ONLY
        return Tokens(reply.refresh, reply.access, authenticated)

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
        if self.family.reuse_detected:
            return "reuse"
        return "recovery_limit" if self.family.limit_reached else ""


class PackageServer(Server):
    """The package, on the current database."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def log_in(self) -> Tokens:
        pair = make_pair(methods=("pwd",), request=_request(elsewhere=False))
        self.session = pair.session
        self.clock.move(AFTER_OVERLAP)
        return Tokens(pair.refresh, pair.access, authenticated=True)

    def refresh(self, token: str, *, elsewhere: bool) -> Tokens:
        try:
            pair = refresh_session(token, request=_request(elsewhere=elsewhere))
        except RefreshSessionsError as error:
            raise RefusedRequest(
                "later" if error.code == "refresh_superseded" else "over"
            ) from error
        claims = access_tokens.verify(pair.access)
        return Tokens(pair.refresh, pair.access, authenticated=claims.authenticated_at is not None)

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
    """A client with stored tokens, which also counts the issued tokens."""

    def __init__(self, server: Server, tokens: Tokens, *, elsewhere: bool = False) -> None:
        self.server = server
        self.elsewhere = elsewhere
        self.token, self.access = tokens.refresh, tokens.access
        self.first = tokens.refresh
        self.issued: list[Tokens] = []

    def copy_tokens(self) -> Actor:
        """Return an attacker with a copy of the stored tokens."""
        tokens = Tokens(self.token, self.access, authenticated=True)
        return Actor(self.server, tokens, elsewhere=True)

    def refresh(self, token: Any = None) -> str:
        """Refresh, store the tokens, and return the outcome."""
        before = token or self.token
        try:
            tokens = self.send_refresh(before)
        except RefusedRequest as refusal:
            return str(refusal)
        self.store(tokens)
        return "access only" if tokens.refresh in {None, before} else "new token"

    def send_refresh(self, token: Any = None) -> Tokens:
        """Refresh without storing the tokens: the response is late or lost."""
        tokens = self.server.refresh(token or self.token, elsewhere=self.elsewhere)
        self.issued.append(tokens)
        return tokens

    def store(self, tokens: Tokens) -> None:
        self.token = tokens.refresh or self.token
        self.access = tokens.access

    def call(self) -> bool:
        return self.server.call(self.access)

    @property
    def issued_counts(self) -> tuple[int, int]:
        """Return the number of new refresh tokens and of access tokens issued to this actor."""
        refresh_tokens = {tokens.refresh for tokens in self.issued} - {None, self.first}
        return len(refresh_tokens), len(self.issued)
