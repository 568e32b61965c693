"""A server with scripted answers, for answers that a real server gives only with luck."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """An answer; ``now`` is the clock of the server."""

    status: int = 200
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    now: datetime | None = None
    lifetime: float | None = None
    """Seconds from ``now`` until the access token in the body expires."""

    def encode(self) -> bytes:
        now = (self.now or datetime.now(UTC)).replace(microsecond=0)
        body = dict(self.body or {})
        if self.lifetime is not None:
            expires_at = now + timedelta(seconds=self.lifetime)
            body["access_expires_at"] = expires_at.isoformat().replace("+00:00", "Z")
        content = b"" if self.body is None else json.dumps(body).encode()
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content


def tokens(number: int, *, refresh: bool = True, lifetime: float = 900, **more: Any) -> Answer:
    """An answer with the tokens ``access-<number>`` and ``refresh-<number>``."""
    body = {"access": f"access-{number}"}
    if refresh:
        body["refresh"] = f"refresh-{number}"
    return Answer(body=body, lifetime=lifetime, **more)


def refusal(status: int, code: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"detail": "Refused.", "code": code}, named)


@dataclass(frozen=True)
class Request:
    path: str
    authorization: str | None
    cookie: str | None
    body: Any


class FakeServer:
    """Answers each path with its next scripted answer, and the last one for ever."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.origin = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> FakeServer:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.origin = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    def script(self, path: str, *answers: Answer) -> None:
        self.answers[path] = deque(answers)

    def sent_to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(
                head[0].split(" ")[1],
                headers.get("authorization"),
                headers.get("cookie"),
                json.loads(body) if body else None,
            )
            self.requests.append(request)
            scripted = self.answers[request.path]
            answer = scripted.popleft() if len(scripted) > 1 else scripted[0]
            await asyncio.sleep(answer.delay)
            writer.write(answer.encode())
            await writer.drain()
        writer.close()
