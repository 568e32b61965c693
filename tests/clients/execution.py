"""Tells all stories at once, and asks the database what became of the sessions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from tests.clients.attacker import follow
from tests.clients.hosts import Host, HostError
from tests.clients.proxy import Proxy
from tests.clients.stories import STORIES, tell
from tests.clients.world import JAVASCRIPT, OPTIONS, Case, Outcome, World
from tests.interop.processes import Child

ATTACKER = "attacker"
SERVERS = 2
AT_ONCE = 100
START_EVERY = 0.05
MOST_UNDER_WAY = 6
TELLINGS = 3
"""On a busy machine a story is told again, for what was slow there was not the client."""

Attempts = dict[Case, list[float]]


class Stage:
    """Servers, the proxy before them, and the hosts of the clients."""

    def __init__(self, database: str) -> None:
        self.servers = [
            Child(
                "tests.interop.server",
                DJANGO_SETTINGS_MODULE="tests.clients.served",
                REFRESH_SESSIONS_SERVED_DATABASE=database,
                REFRESH_SESSIONS_SERVED_OPTIONS=json.dumps(OPTIONS),
            )
            for _ in range(SERVERS)
        ]
        self.proxy = Proxy([server.port for server in self.servers])
        self.hosts = {name: Host(name) for name in ("javascript", "python")}

    def world(self, case: Case, username: str, again: int) -> World:
        name = "javascript" if case.client in JAVASCRIPT else "python"
        return World(case, username, self.hosts[name], self.proxy, again=again)

    def close(self) -> None:
        for server in self.servers:
            server.end()


def run_all(
    cases: Iterable[Case], usernames: dict[Case, str], database: str
) -> dict[Case, Outcome]:
    """Run each case with the user of its own that it is given."""
    stage = Stage(database)
    try:
        outcomes, attempts = asyncio.run(_run_all(stage, list(cases), usernames))
    finally:
        stage.close()
    for case, outcome in outcomes.items():
        _judge(outcome, usernames[case], attempts.get(case, []))
    return outcomes


async def _run_all(
    stage: Stage, cases: list[Case], usernames: dict[Case, str]
) -> tuple[dict[Case, Outcome], Attempts]:
    attempts: Attempts = {}
    places = asyncio.Semaphore(AT_ONCE)
    starts = asyncio.Lock()

    async def run(case: Case) -> tuple[Case, Outcome]:
        async with places:
            again = 0
            while True:
                await _wait_for_calm(stage.proxy, starts)
                world = stage.world(case, usernames[case], again)
                outcome = Outcome(signed_out=not await _play(world, attempts))
                outcome.failures = world.failures
                again += 1
                if world.counts or again == TELLINGS:
                    return case, outcome

    # Attackers, who have threads, must not wait for one another.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    async with AsyncExitStack() as stack:
        parts: list[Proxy | Host] = [stage.proxy, *stage.hosts.values()]
        for part in parts:
            await part.start()
            stack.push_async_callback(part.stop)
        # The longest first, so that the last ones are short.
        ordered = sorted(cases, key=lambda case: not case.story.startswith("11"))
        return dict(await asyncio.gather(*map(run, ordered))), attempts


async def _wait_for_calm(proxy: Proxy, starts: asyncio.Lock) -> None:
    """Begin one after the other, and only while the servers keep up with those that have begun."""
    async with starts:
        await asyncio.sleep(START_EVERY)
        while proxy.under_way > MOST_UNDER_WAY:  # noqa: ASYNC110  (it changes all the time)
            await asyncio.sleep(START_EVERY)


async def _play(world: World, attempts: Attempts) -> bool:
    try:
        if world.case.story != ATTACKER:
            return await tell(world, STORIES[world.case.story])
        attempts[world.case] = (await follow(world)).attempts
        return not (await world.look())["signedOut"]
    except HostError as error:
        # Of this one client; the others' stories go on.
        world.failures.append(str(error))
        return False


def _judge(outcome: Outcome, username: str, attempts: list[float]) -> None:
    # The last telling counts, and has signed in last.
    sessions = DeviceSession.objects.filter(user__username=username)
    session = sessions.latest("created_at")
    events = SessionEvent.objects.filter(session=session)
    outcome.ended = session.revoked_reason or ""
    reuse = events.filter(kind=EventKind.REUSE_DETECTED).order_by("created_at").first()
    if reuse is None:
        return
    outcome.accused = True
    found_at = reuse.created_at.timestamp()
    # The first attempt whose answer came after the discovery was the one that led to it.
    outcome.found_in = next(
        (number for number, at in enumerate(attempts, 1) if at >= found_at), None
    )
