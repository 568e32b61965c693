"""Processes in which the clients run, controlled with lines of JSON."""

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
TIMEOUT_SECONDS = 30


class HostError(Exception):
    """A command to a client failed; the text has the reason."""


class Host:
    """One process; it ends with its standard input."""

    def __init__(self, name: str, command: list[str] | None = None) -> None:
        self.name = name
        self._command = command or COMMANDS[name]
        self._numbers = itertools.count()
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=CHECKOUT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())

    async def ask(self, op: str, **command: Any) -> dict[str, Any]:
        """Execute a command in the process.

        Raises:
            HostError: the command failed.

        """
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._numbers)
        answered = self._open[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "op": op, **command}).encode() + b"\n")
        try:
            answer: dict[str, Any] = await asyncio.wait_for(answered, TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise HostError(
                f"{op} {command}: no end of it in {TIMEOUT_SECONDS} seconds"
            ) from error
        if "error" in answer:
            raise HostError(f"{op} {command}: {answer['error']}")
        return answer

    async def stop(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), TIMEOUT_SECONDS)
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
