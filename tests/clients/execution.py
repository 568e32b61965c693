"""Runs all scenarios in parallel and reads the state of the sessions from the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from tests.clients.attacker import follow
from tests.clients.hosts import Host, HostError
from tests.clients.proxy import Proxy
from tests.clients.scenario_run import JAVASCRIPT, OPTIONS, Case, Outcome, ScenarioRun
from tests.clients.scenarios import SCENARIOS, run_scenario
from tests.interop.processes import Child

ATTACKER = "attacker"
SERVERS = 2
PARALLEL = 100
START_EVERY = 0.05
MAX_REQUESTS = 6
MAX_REPETITIONS = 3
"""A scenario is repeated if the machine was too slow."""

Attempts = dict[Case, list[float]]


class Environment:
    """Servers, the proxy, and the host processes of the clients."""

    def __init__(self, database: str, hosts: Mapping[str, Host] | None = None) -> None:
        self.servers = [
            Child(
                "tests.interop.server",
                DJANGO_SETTINGS_MODULE="tests.clients.server_settings",
                REFRESH_SESSIONS_SERVED_DATABASE=database,
                REFRESH_SESSIONS_SERVED_OPTIONS=json.dumps(OPTIONS),
            )
            for _ in range(SERVERS)
        ]
        self.proxy = Proxy([server.port for server in self.servers])
        self.hosts = hosts or {name: Host(name) for name in ("javascript", "python")}

    def scenario_run(self, case: Case, username: str, again: int) -> ScenarioRun:
        name = "javascript" if case.client in JAVASCRIPT else "python"
        host = self.hosts.get(case.client) or self.hosts[name]
        return ScenarioRun(case, username, host, self.proxy, again=again)

    def close(self) -> None:
        for server in self.servers:
            server.end()


def run_all(
    cases: Iterable[Case],
    usernames: dict[Case, str],
    database: str,
    hosts: Mapping[str, Host] | None = None,
) -> dict[Case, Outcome]:
    """Run each case with its user; ``hosts`` replace those of the clients from npm and PyPI."""
    environment = Environment(database, hosts)
    try:
        outcomes, attempts = asyncio.run(_run_all(environment, list(cases), usernames))
    finally:
        environment.close()
    for case, outcome in outcomes.items():
        _read_sessions(outcome, usernames[case], attempts.get(case, []))
    return outcomes


async def _run_all(
    environment: Environment, cases: list[Case], usernames: dict[Case, str]
) -> tuple[dict[Case, Outcome], Attempts]:
    attempts: Attempts = {}
    places = asyncio.Semaphore(PARALLEL)
    starts = asyncio.Lock()

    async def run(case: Case) -> tuple[Case, Outcome]:
        async with places:
            again = 0
            while True:
                await _wait_for_capacity(environment.proxy, starts)
                scenario_run = environment.scenario_run(case, usernames[case], again)
                outcome = Outcome(signed_out=not await _run_case(scenario_run, attempts))
                outcome.failures = scenario_run.failures
                again += 1
                if scenario_run.counts or again == MAX_REPETITIONS:
                    return case, outcome

    # Attackers use threads and must not wait for each other.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(PARALLEL))
    async with AsyncExitStack() as stack:
        parts: list[Proxy | Host] = [environment.proxy, *environment.hosts.values()]
        for part in parts:
            await part.start()
            stack.push_async_callback(part.stop)
        # The longest first, so that the last ones are short.
        ordered = sorted(cases, key=lambda case: not case.scenario.startswith("11"))
        return dict(await asyncio.gather(*map(run, ordered))), attempts


async def _wait_for_capacity(proxy: Proxy, starts: asyncio.Lock) -> None:
    """Start scenarios one after another, and only while the servers are not overloaded."""
    async with starts:
        await asyncio.sleep(START_EVERY)
        while proxy.requests_at_servers > MAX_REQUESTS:  # noqa: ASYNC110  (the number changes constantly)
            await asyncio.sleep(START_EVERY)


async def _run_case(scenario_run: ScenarioRun, attempts: Attempts) -> bool:
    try:
        if scenario_run.case.scenario != ATTACKER:
            return await run_scenario(scenario_run, SCENARIOS[scenario_run.case.scenario])
        attempts[scenario_run.case] = (await follow(scenario_run)).attempts
        return not (await scenario_run.look())["signedOut"]
    except HostError as error:
        # Only this client failed; the other scenarios continue.
        scenario_run.failures.append(str(error))
        return False


def _read_sessions(outcome: Outcome, username: str, attempts: list[float]) -> None:
    # Only the last repetition counts; its login is the newest.
    sessions = DeviceSession.objects.filter(user__username=username)
    session = sessions.latest("created_at")
    events = SessionEvent.objects.filter(session=session)
    outcome.ended = session.revoked_reason or ""
    reuse = events.filter(kind=EventKind.REUSE_DETECTED).order_by("created_at").first()
    if reuse is None:
        return
    outcome.reuse_reported = True
    detected_at = reuse.created_at.timestamp()
    # The first attempt that was answered after the detection has caused it.
    outcome.detected_in = next(
        (number for number, at in enumerate(attempts, 1) if at >= detected_at), None
    )
