"""A server of device bound sessions (W3C DBSC) in one WSGI application, without Django."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

COOKIE = "__Host-device_bound"
ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
SESSION = "session-1"

# The browser asks for no icon.
PAGE = b'<!doctype html><link rel="icon" href="data:,">'


@dataclass
class FakeDBSC:
    """Registers one session, and refreshes its cookie.

    ``GET /login`` offers the registration, and ``GET /`` is an ordinary page.
    """

    max_age: int
    """Seconds of life of the bound cookie."""
    key: dict[str, Any] | None = None
    challenge: str = "first"
    log: list[tuple[float, str, str, int]] = field(default_factory=list)
    """Time, method, path and status of each request."""
    proofs: list[dict[str, Any]] = field(default_factory=list)
    """The headers of the verified JWTs."""
    refused: HTTPStatus | None = None
    """The status of each refresh, instead of an answer."""

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        status, headers, body = self._answer(path, environ)
        self.log.append((time.monotonic(), method, path, status))
        content_type = "application/json" if body[:1] == b"{" else "text/html"
        headers = [*headers, ("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start(f"{status.value} {status.phrase}", headers)
        return [body]

    def statuses(self, path: str) -> list[int]:
        """The statuses of all requests of a path so far."""
        return [status for _, _, requested, status in self.log if requested == path]

    def _answer(
        self, path: str, environ: WSGIEnvironment
    ) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
        if path == "/login":
            offer = f'(ES256 RS256);path="/device/register/";challenge="{self.challenge}"'
            return HTTPStatus.OK, [("Secure-Session-Registration", offer)], PAGE
        if path == "/device/register/":
            return self._register(environ)
        if path == "/device/refresh/":
            return self._refresh(environ)
        shown = re.search(rf"\b{COOKIE}=(\w+)", environ.get("HTTP_COOKIE", ""))
        return HTTPStatus.OK, [], PAGE + (b"bound" if shown else b"unbound")

    def _register(
        self, environ: WSGIEnvironment
    ) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
        proof = environ.get("HTTP_SECURE_SESSION_RESPONSE", "").strip('"')
        self.key = jwt.get_unverified_header(proof)["jwk"]
        if not self._verify(proof):
            return HTTPStatus.BAD_REQUEST, [], b""
        return HTTPStatus.OK, self._cookie(), json.dumps(self._instructions()).encode()

    def _refresh(
        self, environ: WSGIEnvironment
    ) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
        if self.refused is not None:
            return self.refused, [], b""
        assert environ["HTTP_SEC_SECURE_SESSION_ID"].strip('"') == SESSION
        proof = environ.get("HTTP_SECURE_SESSION_RESPONSE", "").strip('"')
        if not proof or not self._verify(proof):
            self.challenge = secrets.token_urlsafe()
            challenge = f'"{self.challenge}";id="{SESSION}"'
            return HTTPStatus.FORBIDDEN, [("Secure-Session-Challenge", challenge)], b""
        return HTTPStatus.OK, self._cookie(), json.dumps(self._instructions()).encode()

    def _verify(self, proof: str) -> bool:
        assert self.key is not None
        header = jwt.get_unverified_header(proof)
        claims = jwt.decode(
            proof,
            jwt.PyJWK(self.key, algorithm=header["alg"]),
            algorithms=["ES256", "RS256"],
            options={"verify_iat": False, "verify_aud": False},
        )
        self.proofs.append(header)
        return (header["typ"], claims["jti"]) == ("dbsc+jwt", self.challenge)

    def _cookie(self) -> list[tuple[str, str]]:
        value = f"{COOKIE}={secrets.token_hex()}; {ATTRIBUTES}; Max-Age={self.max_age}"
        return [("Set-Cookie", value)]

    def _instructions(self) -> dict[str, Any]:
        return {
            "session_identifier": SESSION,
            "refresh_url": "/device/refresh/",
            "scope": {"include_site": False, "scope_specification": []},
            "credentials": [{"type": "cookie", "name": COOKIE, "attributes": ATTRIBUTES}],
        }
