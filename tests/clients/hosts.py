"""The processes in which the clients run, spoken to in lines of JSON."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
JAVASCRIPT = Path(__file__).with_name("javascript")
COMMANDS = {
    "javascript": ["node", str(JAVASCRIPT / "host.mjs")],
    "python": [sys.executable, "-m", "tests.clients.python.host"],
}
PATIENCE = 30


class HostError(Exception):
    """A client could not be made to do what the story wants; its text says why."""


class Host:
    """One process; it ends when its standard input does, however we end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._numbers = itertools.count()
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *COMMANDS[self.name],
            cwd=CHECKOUT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())

    async def ask(self, op: str, **command: Any) -> dict[str, Any]:
        """Have it do something, and wait until it is done.

        Raises:
            HostError: it failed.

        """
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._numbers)
        answered = self._open[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "op": op, **command}).encode() + b"\n")
        try:
            answer: dict[str, Any] = await asyncio.wait_for(answered, PATIENCE)
        except TimeoutError as error:
            raise HostError(f"{op} {command}: no end of it in {PATIENCE} seconds") from error
        if "error" in answer:
            raise HostError(f"{op} {command}: {answer['error']}")
        return answer

    async def stop(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            answered = self._open.pop(answer["id"])
            if not answered.done():
                answered.set_result(answer)
        for answered in self._open.values():
            if not answered.done():
                answered.set_exception(HostError(f"{self.name} has ended"))
