"""What stands between clients and servers: it delays, loses and repeats answers as it is told.

The first part of a path names the run, so that all runs share one proxy: a client's origin is
``http://127.0.0.1:<port>/<run>``.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
REFRESH = "/auth/refresh/"
PATIENCE = 1.0
"""Seconds that a refresh waits for those that a story wants to come together with it."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to one exchange."""

    delay: float = 0
    """Seconds that the answer waits on its way back."""
    lost: bool = False
    """The server answers, and the client hears nothing: its connection breaks."""
    repeated: bool = False
    """The request goes to the server twice; the client gets the second answer."""


@dataclass
class Way:
    """The way of one run to the server, and what has come along it."""

    fates: deque[Fate] = field(default_factory=deque)
    """Of the next refreshes, in the order of their arrival; those after have none."""
    gathered: int = 1
    """How many refreshes wait for one another before the first of them goes on."""
    slowest: float = 0
    """Seconds that the slowest request took the server."""
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def gather(self) -> None:
        if self.gathered == 1:
            return
        arrived = asyncio.get_running_loop().create_future()
        self._waiting.append(arrived)
        if len(self._waiting) == self.gathered:
            self.release()
        with suppress(TimeoutError):
            await asyncio.wait_for(arrived, PATIENCE)

    def release(self) -> None:
        waiting, self._waiting, self.gathered = self._waiting, [], 1
        for arrived in waiting:
            if not arrived.done():
                arrived.set_result(None)


class Proxy:
    """Listens on a free port; hands each request to one of the servers in turn."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = deque(ports)
        self._ways: dict[str, Way] = {}
        self._server: asyncio.Server | None = None
        self.port = 0
        self.under_way = 0
        """Requests that wait for the servers."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def origin(self, run: str) -> str:
        """The address that a client of this run calls the server by."""
        self._ways.setdefault(run, Way())
        return f"http://{HOST}:{self.port}/{run}"

    def way(self, run: str) -> Way:
        return self._ways[run]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            run, path, request = await _read(reader)
            answer = await self._pass_on(self._ways[run], path, request)
            if answer is None:
                writer.transport.abort()
                return
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            # The client has gone.
            return
        finally:
            writer.close()

    async def _pass_on(self, way: Way, path: str, request: bytes) -> bytes | None:
        if path != REFRESH:
            return await self._ask(way, request)
        await way.gather()
        fate = way.fates.popleft() if way.fates else None
        if fate is None:
            return await self._ask(way, request)
        # Their order at the server is part of the story.
        async with way._turn:
            answer = await self._ask(way, request)
            if fate.repeated:
                answer = await self._ask(way, request)
        await asyncio.sleep(fate.delay)
        return None if fate.lost else answer

    async def _ask(self, way: Way, request: bytes) -> bytes:
        self._ports.rotate()
        asked = time.monotonic()
        self.under_way += 1
        reader, writer = await asyncio.open_connection(HOST, self._ports[0])
        try:
            writer.write(request)
            return await reader.read(-1)
        finally:
            writer.close()
            self.under_way -= 1
            way.slowest = max(way.slowest, time.monotonic() - asked)


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """The run, the path without it, and the request as the server shall get it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    _, run, rest = target.split("/", 2)
    headers = [line for line in lines if not line.lower().startswith("connection:")]
    lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-le")]
    body = await reader.readexactly(int(lengths[0]) if lengths else 0)
    first = f"{method} /{rest} HTTP/1.1"
    text = "\r\n".join([first, *headers, "Connection: close", "", ""])
    return run, "/" + rest.partition("?")[0], text.encode("latin-1") + body
