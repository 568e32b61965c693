"""One run: a client of one style, with or without cookies, in one story."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from refresh_sessions.conf import Settings
from tests.clients.hosts import Host
from tests.clients.proxy import Proxy, Way
from tests.factories import PASSWORD

ACCESS_SECONDS = 4
OVERLAP_SECONDS = 3
OPTIONS = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_SECONDS,
    "ROTATION_OVERLAP": OVERLAP_SECONDS,
    "LEEWAY": 0,
}
if hasattr(Settings, "CONFIRM_DELIVERY_AFTER"):
    # Calls come right after a refresh here. That they are evidence at once is hard on those who
    # write the token that was sent back, and on nobody else.
    OPTIONS["CONFIRM_DELIVERY_AFTER"] = 0
MARGIN = 0.15

PYTHON = ("httpx", "authlib")
JAVASCRIPT = (
    "axios",
    "axios-auth-refresh",
    "axios-jwt",
    "ky",
    "ofetch",
    "wretch",
    "rtk-query",
    "alova",
)
CLIENTS = (*JAVASCRIPT, *PYTHON)
STYLES = ("docs", "typical", "naive")
# Authlib writes the token back by itself, whatever the application does.
CLIENTS_AND_STYLES = [
    (client, style)
    for client in CLIENTS
    for style in (STYLES if client != "authlib" else ("typical",))
]


@dataclass(frozen=True, order=True)
class Case:
    """Which client does what."""

    story: str
    client: str
    style: str
    jar: bool
    """Whether it keeps and sends cookies."""

    def __str__(self) -> str:
        return f"{self.client}-{self.style}-{'jar' if self.jar else 'bare'}-{self.story}"


@dataclass
class Outcome:
    """How it went."""

    signed_out: bool
    """The client has dropped its tokens, or is refused at the end."""
    accused: bool = False
    """The server has recorded a reuse."""
    ended: str = ""
    """Why the server has revoked the session or refuses it; empty if it does not."""
    found_in: int | None = None
    """The attacker's attempt that gave him away, from 1 on."""
    failures: list[str] = field(default_factory=list)


@dataclass
class World:
    """What a story has at hand."""

    case: Case
    username: str
    host: Host
    proxy: Proxy
    failures: list[str] = field(default_factory=list)
    again: int = 0
    """How many times this was told before, and did not count."""

    @property
    def run(self) -> str:
        return f"{self.case}-{self.again}"

    @property
    def counts(self) -> bool:
        """Whether the server was as fast as docs/rotation.md asks for."""
        return self.way.slowest < OVERLAP_SECONDS / 2

    @property
    def way(self) -> Way:
        return self.proxy.way(self.run)

    async def open(self, *tabs: str) -> None:
        for tab in tabs:
            await self.host.ask(
                "open",
                run=self.run,
                tab=tab,
                client=self.case.client,
                style=self.case.style,
                jar=self.case.jar,
                origin=self.proxy.origin(self.run),
            )

    async def login(self, tab: str = "a") -> None:
        await self.host.ask(
            "login", run=self.run, tab=tab, username=self.username, password=PASSWORD
        )

    async def call(self, times: int = 1, *, tab: str = "a") -> int:
        """Call at once so many times; gives how many succeeded."""
        return await self._do("call", tab, times)

    async def start(self, times: int = 1, *, tab: str = "a") -> int:
        """Refresh and then call, at once so many times; gives how many succeeded."""
        return await self._do("start", tab, times)

    async def expire(self) -> None:
        """Wait until no access token is good any more."""
        await asyncio.sleep(ACCESS_SECONDS + MARGIN)

    async def look(self) -> dict[str, object]:
        return await self.host.ask("look", run=self.run)

    async def _do(self, op: str, tab: str, times: int) -> int:
        answer = await self.host.ask(op, run=self.run, tab=tab, times=times)
        self.failures += answer["failures"]
        return times - len(answer["failures"])
