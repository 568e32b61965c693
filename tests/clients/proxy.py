"""Proxy between clients and servers that delays, discards and repeats answers.

The first part of a path identifies the run, so that all runs share one proxy: the origin of a
client is ``http://127.0.0.1:<port>/<run>``.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
REFRESHES = ("/auth/refresh/", "/oauth/token/")
TIMEOUT_SECONDS = 1.0
"""Seconds that a refresh waits for the others of its group."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """The disturbance of one refresh."""

    delay: float = 0
    """Delay of the answer in seconds."""
    lost: bool = False
    """The server answers, and the connection to the client is closed."""
    repeated: bool = False
    """The request is sent to the server twice; the client gets the second answer."""


@dataclass
class Route:
    """The disturbances and measurements of one run."""

    disturbances: deque[Disturbance] = field(default_factory=deque)
    """Disturbances of the next refreshes, in the order of arrival."""
    group_size: int = 1
    """Number of refreshes that are released together."""
    answers: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of each answer of the servers, also of lost ones."""
    slowest: float = 0
    """Duration of the slowest request at the server, in seconds."""
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _order: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def gather(self) -> None:
        if self.group_size == 1:
            return
        arrived = asyncio.get_running_loop().create_future()
        self._waiting.append(arrived)
        if len(self._waiting) == self.group_size:
            self.release()
        with suppress(TimeoutError):
            await asyncio.wait_for(arrived, TIMEOUT_SECONDS)

    def release(self) -> None:
        waiting, self._waiting, self.group_size = self._waiting, [], 1
        for arrived in waiting:
            if not arrived.done():
                arrived.set_result(None)


class Proxy:
    """Listens on a free port and forwards to the servers in rotation."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = deque(ports)
        self._routes: dict[str, Route] = {}
        self._server: asyncio.Server | None = None
        self.port = 0
        self.requests_at_servers = 0
        """Number of requests at the servers."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def origin(self, run: str) -> str:
        """Return the base URL for the clients of a run."""
        self._routes.setdefault(run, Route())
        return f"http://{HOST}:{self.port}/{run}"

    def route(self, run: str) -> Route:
        return self._routes[run]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            run, path, request = await _read(reader)
            route = self._routes.get(run)
            # Browsers ask for an icon outside of all runs.
            answer = await self._pass_on(route, path, request) if route else None
            if answer is None:
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has disconnected.
            return
        finally:
            writer.close()

    async def _pass_on(self, route: Route, path: str, request: bytes) -> bytes | None:
        if not path.endswith(REFRESHES):
            return await self._ask(route, path, request)
        await route.gather()
        disturbance = route.disturbances.popleft() if route.disturbances else None
        if disturbance is None:
            return await self._ask(route, path, request)
        # The scenario depends on their order at the server.
        async with route._order:
            answer = await self._ask(route, path, request)
            if disturbance.repeated:
                answer = await self._ask(route, path, request)
        await asyncio.sleep(disturbance.delay)
        return None if disturbance.lost else answer

    async def _ask(self, route: Route, path: str, request: bytes) -> bytes:
        self._ports.rotate()
        asked = time.monotonic()
        self.requests_at_servers += 1
        reader, writer = await asyncio.open_connection(HOST, self._ports[0])
        try:
            writer.write(request)
            answer = await reader.read(-1)
            route.answers.append((path, int(answer.split(b" ", 2)[1])))
            return answer
        finally:
            writer.close()
            self.requests_at_servers -= 1
            route.slowest = max(route.slowest, time.monotonic() - asked)


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """Return the run, the path without it, and the request for the server."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    run, _, rest = target[1:].partition("/")
    headers = [line for line in lines if not line.lower().startswith("connection:")]
    lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-le")]
    body = await reader.readexactly(int(lengths[0]) if lengths else 0)
    first = f"{method} /{rest} HTTP/1.1"
    text = "\r\n".join([first, *headers, "Connection: close", "", ""])
    return run, "/" + rest.partition("?")[0], text.encode("latin-1") + body
