"""Requests and answers over HTTP, with one connection per request."""

from __future__ import annotations

import json
import select
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Barrier
from typing import Any, Final, Literal
from urllib.parse import urlencode

TIMEOUT: Final = 20.0
"""Seconds; much longer than any answer takes, so that the demo cannot hang."""

_TYPES: Final = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request of a client."""

    method: Literal["GET", "POST"]
    path: str
    data: Mapping[str, Any] | None = None
    sent_as: Literal["json", "form"] = "json"
    access: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    user_agent: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers, from the other fields."""
        headers = {"Connection": "close", "User-Agent": self.user_agent}
        if self.data is not None:
            headers["Content-Type"] = _TYPES[self.sent_as]
        if self.access is not None:
            headers["Authorization"] = f"Bearer {self.access}"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={it}" for name, it in self.cookies.items())
        return headers

    @property
    def body(self) -> str | None:
        """The encoded data."""
        if self.data is None:
            return None
        return json.dumps(self.data) if self.sent_as == "json" else urlencode(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response of the server."""

    status: int
    text: str
    headers: Sequence[tuple[str, str]]

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body; empty for any other body."""
        if self.header("Content-Type") != "application/json":
            return {}
        body = json.loads(self.text)
        return body if isinstance(body, dict) else {}

    def header(self, name: str) -> str:
        """The first header of that name, or an empty string."""
        return next((it for key, it in self.headers if key.lower() == name.lower()), "")


class HTTPClient:
    """Sends requests to one server."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def exchange(self, request: Request) -> Answer:
        """Send a request and read its answer."""
        with closing(self._send(request)) as connection:
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(status=response.status, text=text, headers=response.getheaders())

    def exchange_at_once(self, requests: Sequence[Request]) -> list[Answer]:
        """Send all requests at the same time; the answers have the order of the requests."""
        start = Barrier(len(requests))

        def exchange(request: Request) -> Answer:
            start.wait(TIMEOUT)
            return self.exchange(request)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(exchange, requests))

    def lose_answer(self, request: Request) -> None:
        """Send a request, and close the connection before the answer is read."""
        with closing(self._send(request)) as connection:
            # Wait for the answer: the server has then committed the rotation.
            select.select([connection.sock], [], [], TIMEOUT)

    def _send(self, request: Request) -> HTTPConnection:
        connection = HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        connection.request(request.method, request.path, request.body, request.headers)
        return connection
