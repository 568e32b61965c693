"""Clients from PyPI, used as in their documentation."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import httpx
from authlib.integrations.requests_client import OAuth2Session, OAuthError

from tests.clients.python.glue import Glue, RefreshFailedError

TIMEOUT = 20


class Client(Protocol):
    """One tab with a client."""

    def login(self, body: dict[str, str]) -> dict[str, Any]:
        """Log in and return the body of the answer."""

    def call(self, number: int) -> None:
        """Call a view with the access token; refresh if it is refused."""

    def renew(self) -> None:
        """Refresh once."""


class _Renewing(httpx.Auth):
    """The auth flow of httpx's documentation: refused request, refresh, repeated request."""

    requires_response_body = True

    def __init__(self, client: Httpx, glue: Glue) -> None:
        self.client, self.glue = client, glue

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self.glue.authorization
        response = yield request
        if response.status_code == 401:
            yield from self.renew()
            request.headers["Authorization"] = self.glue.authorization
            yield request

    def renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        sent = self.glue.sent()
        try:
            # httpx.Request(...) would omit the cookies of the client's jar.
            response = yield self.client.web.build_request(
                "POST", "/auth/refresh/", json={"refresh": sent}
            )
        except GeneratorExit:
            # The answer was lost; httpx only closes the generator.
            self.glue.fail(None)
            raise
        _keep(self.glue, sent, response.status_code, response.text)


class Httpx:
    """httpx with its own repetition of requests."""

    def __init__(self, origin: str, glue: Glue) -> None:
        self.web = httpx.Client(base_url=origin, timeout=TIMEOUT, cookies=glue.storage.cookies)
        self.glue = glue

    def login(self, body: dict[str, str]) -> dict[str, Any]:
        answer = self.web.post("/auth/login/", json=body).raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def call(self, number: int) -> None:
        auth = _Renewing(self, self.glue)
        self.web.get("/who-am-i/", params={"n": number}, auth=auth).raise_for_status()

    def renew(self) -> None:
        flow = _Renewing(self, self.glue).renew()
        request = next(flow)
        try:
            response = self.web.send(request)
        except httpx.TransportError:
            flow.close()
            raise
        with suppress(StopIteration):
            flow.send(response)


class Authlib:
    """Authlib's session for requests, which refreshes before a call with an expired token.

    It refreshes at the endpoint for OAuth libraries. If an answer has no refresh token, Authlib
    stores the sent one again.
    """

    def __init__(self, origin: str, glue: Glue) -> None:
        self.origin, self.glue = origin, glue

    def login(self, body: dict[str, str]) -> dict[str, Any]:
        answer = self._session().post(
            f"{self.origin}/auth/login/", json=body, withhold_token=True, timeout=TIMEOUT
        )
        answer.raise_for_status()
        tokens = answer.json()
        assert isinstance(tokens, dict)
        return tokens

    def call(self, number: int) -> None:
        sent = self.glue.sent()
        # One session per call, as in a web application: the token is read from the storage.
        session = self._session(
            access_token=self.glue.storage.access,
            refresh_token=sent,
            expires_at=_expiry(self.glue.storage.access),
        )
        with self._failures_handled():
            answer = session.get(f"{self.origin}/who-am-i/", params={"n": number}, timeout=TIMEOUT)
        answer.raise_for_status()

    def renew(self) -> None:
        sent = self.glue.sent()
        with self._failures_handled():
            self._session(refresh_token=sent).refresh_token(refresh_token=sent, timeout=TIMEOUT)

    def _session(self, **token: Any) -> OAuth2Session:
        session = OAuth2Session(
            "client",
            token=token or None,
            token_endpoint=f"{self.origin}/oauth/token/",
            token_endpoint_auth_method="none",
            update_token=self._save,
            leeway=0,
        )
        session.cookies = self.glue.storage.cookies
        return session

    def _save(self, token: dict[str, Any], refresh_token: str) -> None:
        answer = {"access": token["access_token"], "refresh": token["refresh_token"]}
        self.glue.keep(answer, refresh_token)

    @contextmanager
    def _failures_handled(self) -> Iterator[None]:
        try:
            yield
        except OAuthError as error:
            # What applications do: another login after invalid_grant, otherwise another attempt.
            status = 401 if error.error == "invalid_grant" else 503
            self.glue.fail(status)
            raise RefreshFailedError(status) from error


def _expiry(access: str | None) -> int:
    payload = (access or "").split(".")[1]
    return int(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])


def _keep(glue: Glue, sent: str, status: int, text: str) -> None:
    if status != 200:
        glue.fail(status)
        raise RefreshFailedError(status)
    glue.keep(json.loads(text), sent)


LIBRARIES: Mapping[str, Callable[..., Client]] = {"httpx": Httpx, "authlib": Authlib}
