"""Calls of a client, sent through the WSGI handler of this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlencode

USER_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
HOST: Final = "testserver"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The state of a client: what it stores after a login or a refresh."""

    access: str
    refresh: str | None = None
    other: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "203.0.113.1"

    def environ(self) -> dict[str, Any]:
        """The request as a WSGI server passes it."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": HOST,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.address,
            "HTTP_HOST": HOST,
            "HTTP_USER_AGENT": USER_AGENT,
            "HTTP_ACCEPT": "application/json",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if self.body:
            environ["CONTENT_TYPE"] = self.content_type
            environ["CONTENT_LENGTH"] = str(len(self.body))
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def message(self) -> dict[str, Any]:
        """The request for an HTTP client in another process."""
        headers = {**self.headers, "Accept": "application/json"}
        if self.body:
            headers["Content-Type"] = self.content_type
        body = self.body.decode() or None
        return {"method": self.method, "path": self.path, "body": body, "headers": headers}


def get(path: str, headers: Mapping[str, str]) -> Call:
    """A GET."""
    return Call("GET", path, headers=headers)


def post_json(
    path: str, data: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Call:
    """A POST of JSON."""
    body = json.dumps(data).encode()
    return Call("POST", path, body, "application/json", headers or {})


def post_form(path: str, data: Mapping[str, str]) -> Call:
    """A POST of a form, as OAuth clients send it."""
    return Call("POST", path, urlencode(data).encode(), "application/x-www-form-urlencoded")


def bearer(token: str) -> dict[str, str]:
    """The header of RFC 6750."""
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def successful(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  (the class of success)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def cookies(self) -> dict[str, str]:
        """Names and values of the cookies that the response sets."""
        pairs = [value.split(";")[0] for name, value in self.headers if name == "Set-Cookie"]
        return dict(pair.split("=", 1) for pair in pairs)


def run(handler: Any, environ: dict[str, Any]) -> Answer:
    """Handle one request as a WSGI server does, without a socket."""
    started: list[Any] = []
    response = handler(environ, lambda status, headers: started.extend((status, headers)))
    try:
        body = b"".join(response)
    finally:
        response.close()
    status, headers = started
    return Answer(int(status[:3]), headers, body)
