"""One run: a client of one style, with or without cookies, in one scenario."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from refresh_sessions.conf import Settings
from tests.clients.hosts import Host
from tests.clients.proxy import Proxy, Route
from tests.factories import PASSWORD

ACCESS_SECONDS = 4
OVERLAP_SECONDS = 3
OPTIONS = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_SECONDS,
    "ROTATION_OVERLAP": OVERLAP_SECONDS,
    "LEEWAY": 0,
}
if hasattr(Settings, "CONFIRM_DELIVERY_AFTER"):
    # Calls follow a refresh immediately here. Immediate evidence affects only clients that store
    # the sent token again.
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
# Authlib stores the sent token again, whatever the application does.
CLIENTS_AND_STYLES = [
    (client, style)
    for client in CLIENTS
    for style in (STYLES if client != "authlib" else ("typical",))
]


@dataclass(frozen=True, order=True)
class Case:
    """A client in a scenario."""

    scenario: str
    client: str
    style: str
    jar: bool
    """Whether the client stores and sends cookies."""

    def __str__(self) -> str:
        return f"{self.client}-{self.style}-{'jar' if self.jar else 'bare'}-{self.scenario}"


@dataclass
class Outcome:
    """The outcome of a case."""

    signed_out: bool
    """The client has dropped its tokens, or is refused at the end."""
    reuse_reported: bool = False
    """The server has recorded reuse."""
    ended: str = ""
    """Reason of the revocation or refusal; otherwise empty."""
    detected_in: int | None = None
    """Number of the attacker's attempt that was detected, from 1."""
    failures: list[str] = field(default_factory=list)


@dataclass
class ScenarioRun:
    """A client with its host process, proxy and user."""

    case: Case
    username: str
    host: Host
    proxy: Proxy
    failures: list[str] = field(default_factory=list)
    again: int = 0
    """Number of former repetitions that did not count."""

    @property
    def run(self) -> str:
        return f"{self.case}-{self.again}"

    @property
    def counts(self) -> bool:
        """Whether the server was fast enough for the limits of docs/rotation.md."""
        return self.route.slowest < OVERLAP_SECONDS / 2

    @property
    def route(self) -> Route:
        return self.proxy.route(self.run)

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
        """Call ``times`` times in parallel; return the number of successes."""
        return await self._do("call", tab, times)

    async def start(self, times: int = 1, *, tab: str = "a") -> int:
        """Refresh and then call, ``times`` times in parallel; return the number of successes."""
        return await self._do("start", tab, times)

    async def expire(self) -> None:
        """Wait until all access tokens have expired."""
        await asyncio.sleep(ACCESS_SECONDS + MARGIN)

    async def look(self) -> dict[str, object]:
        return await self.host.ask("look", run=self.run)

    async def _do(self, op: str, tab: str, times: int) -> int:
        answer = await self.host.ask(op, run=self.run, tab=tab, times=times)
        self.failures += answer["failures"]
        return times - len(answer["failures"])
