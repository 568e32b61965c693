"""Endpoints: send requests to login/, refresh/ and the others, and read tokens from answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from ssl import SSLContext
from typing import Any, Final

import httpx

from refresh_sessions.client.answers import Answer
from refresh_sessions.client.errors import TransientError, UnexpectedAnswerError
from refresh_sessions.client.proofs import CORRECTABLE, Prover
from refresh_sessions.client.tokens import Tokens, is_token
from refresh_sessions.redaction import hide

LOGIN: Final = "login/"
VERIFY: Final = "login/verify/"
REFRESH: Final = "refresh/"
LOGOUT: Final = "logout/"
REAUTHENTICATE: Final = "reauthenticate/"
SESSIONS: Final = "sessions/"

ROTATING: Final = frozenset({REFRESH, REAUTHENTICATE})
"""Endpoints that rotate: their time-out has to be less than a third of ROTATION_OVERLAP."""

PROVEN: Final = frozenset({LOGIN, VERIFY, REFRESH, LOGOUT, REAUTHENTICATE})
"""Endpoints that get a DPoP proof without the help of an ``httpx.Auth``."""

OTHER_TIMEOUT: Final = 10.0

_MAX_SIZE: Final = 1_048_576


@cache
def _get_certificates() -> SSLContext:
    """The certificates of this process: loading them takes 30 ms."""
    return httpx.create_ssl_context()


def open_default_client() -> httpx.Client:
    """Return a client with httpx's defaults."""
    return httpx.Client(verify=_get_certificates())


class Endpoints:
    """The endpoints below one base URL. Redirects are not followed: a body contains tokens."""

    def __init__(
        self,
        base_url: str,
        *,
        field_names: Mapping[str, str],
        timeout: float,
        open_client: Callable[[], httpx.Client],
        prover: Prover | None = None,
    ) -> None:
        self.base_url = normalize_base_url(base_url)
        self.prover = prover
        self._names = dict(field_names)
        self._timeout = timeout
        self._open_client = open_client

    def name(self, field: str) -> str:
        """The public name of a field, as in the server's FIELD_NAMES."""
        return self._names.get(field, field)

    def request(
        self,
        method: str,
        endpoint: str,
        body: Mapping[str, Any] | None = None,
        *,
        access: Tokens | None = None,
        companion: str = "",
        auth: httpx.Auth | None = None,
    ) -> Answer:
        """Send one request and read its answer.

        A refused DPoP proof is replaced by one with the nonce and the clock of the refusal, once
        for each of the two reasons.

        Raises:
            TransientError: there is no complete answer, or it asks to wait.
            UnexpectedAnswerError: the request cannot be sent.

        """
        headers = {"Accept": "application/json"}
        if access:
            headers["Authorization"] = f"{access.scheme} {access.access}"
        if companion:
            headers["Cookie"] = companion
        url, correctable = httpx.URL(self.base_url + endpoint), set(CORRECTABLE)
        while True:
            if self.prover and endpoint in PROVEN:
                headers["DPoP"] = self.prover.prove(
                    method, url, access=access.access if access and access.is_dpop else ""
                )
            answer = self._send(method, endpoint, body, headers=headers, auth=auth)
            if self.prover:
                self.prover.learn(url, answer.headers, uncached=True)
            if "DPoP" not in headers or answer.code not in correctable:
                break
            correctable.remove(answer.code)
        if answer.is_transient:
            answer.raise_for_refusal()
        return answer

    def _send(
        self,
        method: str,
        endpoint: str,
        body: Mapping[str, Any] | None,
        *,
        headers: dict[str, str],
        auth: httpx.Auth | None,
    ) -> Answer:
        """Send one request once, and read a complete answer."""
        timeout = self._timeout if endpoint in ROTATING else OTHER_TIMEOUT
        deadline = time.monotonic() + 2 * timeout
        try:
            with self._open_client() as client:
                request = client.build_request(
                    method,
                    self.base_url + endpoint,
                    json=None if body is None else dict(body),
                    headers=headers,
                    timeout=timeout,
                )
                response = client.send(request, stream=True, auth=auth, follow_redirects=False)
                try:
                    content = hide(_read(response, deadline))
                finally:
                    response.close()
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise UnexpectedAnswerError(
                f"{endpoint} cannot be requested ({type(error).__name__}). Correct base_url.",
                code="request_invalid",
            ) from error
        except (httpx.RequestError, httpx.StreamError) as error:
            raise TransientError(
                f"There is no answer of {endpoint} ({type(error).__name__}). Try again later; the "
                "tokens are kept.",
                code="no_answer",
            ) from error
        return Answer(endpoint, response.status_code, response.headers, content)

    def read_login(self, answer: Answer) -> Tokens:
        """The tokens of a new session."""
        values = self._read_values(answer)
        if values["refresh"] is None:
            raise UnexpectedAnswerError(
                f"The answer of {answer.endpoint} has no field {self.name('refresh')!r}. If the "
                "server keeps refresh tokens in cookies, set base_url to an address of "
                "refresh_sessions.urls_body; otherwise set field_names to its FIELD_NAMES.",
                code="refresh_missing",
                status=answer.status,
            )
        bound = values["scheme"] == "DPoP" or self._is_bound(answer)
        key = self.prover.thumbprint if self.prover and bound else ""
        empty = Tokens(base_url=self.base_url, access="", refresh=values["refresh"], key=key)
        return empty.renewed(**values)

    def read_renewal(self, answer: Answer, tokens: Tokens) -> Tokens:
        """The tokens after a refresh or a re-authentication."""
        return tokens.renewed(**self._read_values(answer))

    def _is_bound(self, answer: Answer) -> bool:
        """Whether the login has bound the session to the key of its DPoP proof."""
        session = answer.json.get(self.name("session"))
        bound = session.get(self.name("bound")) if isinstance(session, dict) else None
        return bound == "dpop"

    def _read_values(self, answer: Answer) -> dict[str, Any]:
        body = answer.read_object()
        access, refresh = body.get(self.name("access")), body.get(self.name("refresh"))
        if not is_token(access) or not (refresh is None or is_token(refresh)):
            raise UnexpectedAnswerError(
                f"The answer of {answer.endpoint} has no valid field {self.name('access')!r}. Set "
                "field_names to the FIELD_NAMES of the server. The tokens are kept.",
                code="access_missing",
                status=answer.status,
            )
        return {
            "access": access,
            "refresh": refresh,
            "companion": answer.companion,
            "expires_in": self._read_lifetime(answer, body),
            "scheme": "DPoP" if self._is_dpop(body) else "Bearer",
        }

    def _is_dpop(self, body: Mapping[str, Any]) -> bool:
        """Whether each request with the access token needs a DPoP proof."""
        token_type = body.get(self.name("token_type"))
        return isinstance(token_type, str) and token_type.lower() == "dpop"

    def _read_lifetime(self, answer: Answer, body: Mapping[str, Any]) -> float | None:
        """The lifetime of the access token by the server's clock; None if it makes no sense."""
        try:
            expires_at = datetime.fromisoformat(body[self.name("access_expires_at")])
            seconds = (expires_at - answer.date).total_seconds() if answer.date else 0.0
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return seconds if seconds > 0 else None


def normalize_base_url(base_url: str) -> str:
    """Return the URL with a slash at its end.

    Raises:
        ValueError: the URL is relative, or has parts that a prefix of endpoints cannot have.

    """
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ValueError(f"base_url is not a URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("base_url must begin with https:// or http:// and a host.")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must have no user name, password, query or fragment.")
    return str(url).rstrip("/") + "/"


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Read a body that ends in time and is not too long."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_SIZE or time.monotonic() > deadline:
            raise httpx.ReadTimeout("The answer does not end.", request=response.request)
    return bytes(content)
