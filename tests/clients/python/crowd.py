"""Many honest clients in one process, like ``javascript/crowd.mjs``.

python -m tests.clients.python.crowd '{"origins": […], "usernames": […], "password": …, …}'
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from refresh_sessions.client import SessionAuth, SessionAuthError

PAUSE: Final = 3.0

_Result = TypeVar("_Result")


@dataclass
class Crowd:
    """The options of the run, and what has happened."""

    options: dict[str, Any]
    counts: Counter[str] = field(default_factory=Counter)
    logged_out: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def live(self, username: str, number: int) -> None:
        """One client: a login, and calls until the end."""
        origin = self.options["origins"][number % len(self.options["origins"])]
        auth = SessionAuth(f"{origin}/auth/", open_client=self.open_client)
        try:
            await asyncio.sleep(5 * random.random())  # noqa: S311
            await auth.alogin(username, self.options["password"])
            async with httpx.AsyncClient(auth=auth, timeout=20) as client:
                await self._call_until_end(client, f"{origin}/who-am-i/")
            while await self._patiently(auth.aaccess_token) is None:
                pass
        except SessionAuthError as error:
            ended = self.logged_out if error.action == "login" else self.failures
            ended.append(f"{username}: {error}")

    async def _call_until_end(self, client: httpx.AsyncClient, url: str) -> None:
        end = time.monotonic() + self.options["seconds"]
        while time.monotonic() < end:
            response = await self._patiently(lambda: client.get(url))
            if response is not None:
                self.counts["calls"] += 1
                if response.status_code != httpx.codes.OK:
                    self.failures.append(f"{response.status_code}: {response.text}")
            await asyncio.sleep(2 * PAUSE * random.random())  # noqa: S311

    async def _patiently(self, run: Callable[[], Awaitable[_Result]]) -> _Result | None:
        """None if all attempts of the client are lost: the tokens are kept."""
        try:
            return await run()
        except SessionAuthError as error:
            if error.action != "retry":
                raise
            self.counts["retries"] += 1
            return None

    def open_client(self) -> httpx.Client:
        """A client whose answers to refreshes may be lost."""
        return httpx.Client(transport=LossyTransport(self))


class LossyTransport(httpx.HTTPTransport):
    """Loses a share of the answers to refreshes after the server has handled them."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and return its answer or lose it."""
        response = super().handle_request(request)
        if not request.url.path.endswith("/refresh/"):
            return response
        self._crowd.counts["refreshes"] += 1
        if random.random() >= self._crowd.options["lost"]:  # noqa: S311
            return response
        self._crowd.counts["lost"] += 1
        response.read()
        response.close()
        raise httpx.ReadError("the answer is lost", request=request)


async def main() -> None:
    """Run all clients, and print the result as JSON."""
    crowd = Crowd(json.loads(sys.argv[1]))
    names = crowd.options["usernames"]
    await asyncio.gather(*(crowd.live(name, number) for number, name in enumerate(names)))
    result = {**crowd.counts, "loggedOut": crowd.logged_out, "failures": crowd.failures}
    print(json.dumps(result))  # noqa: T201 - the output of the command


if __name__ == "__main__":
    asyncio.run(main())
