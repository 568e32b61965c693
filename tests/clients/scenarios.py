"""Scenarios of honest clients. Each starts right after the login."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.clients.proxy import Disturbance
from tests.clients.scenario_run import OVERLAP_SECONDS, ScenarioRun

LATE = 0.5
"""Seconds, less than half of the overlap: the limit for clients in docs/rotation.md."""

TRIES = 3

Scenario = Callable[[ScenarioRun], Awaitable[None]]


async def calls_at_once(scenario_run: ScenarioRun, *, expiries: int = 1) -> None:
    for _ in range(expiries):
        await scenario_run.expire()
        await scenario_run.call(10)


async def many_expiries(scenario_run: ScenarioRun) -> None:
    await calls_at_once(scenario_run, expiries=12)


async def three_tabs(scenario_run: ScenarioRun) -> None:
    tabs = ("a", "b", "c")
    await scenario_run.open("b", "c")
    for _ in range(2):
        await scenario_run.expire()
        await asyncio.gather(*(scenario_run.call(4, tab=tab) for tab in tabs))


async def lost_answer(scenario_run: ScenarioRun, *, pause: float = LATE) -> None:
    await scenario_run.expire()
    scenario_run.route.disturbances.append(Disturbance(lost=True))
    await scenario_run.call()
    await asyncio.sleep(pause)
    await scenario_run.call()


async def lost_answer_retried_late(scenario_run: ScenarioRun) -> None:
    await lost_answer(scenario_run, pause=OVERLAP_SECONDS + LATE)


async def repeated_request(scenario_run: ScenarioRun) -> None:
    """A component on the route repeats the request: the client gets only the second answer."""
    await scenario_run.expire()
    scenario_run.route.disturbances.append(Disturbance(repeated=True))
    await scenario_run.call()


async def late_sibling(scenario_run: ScenarioRun) -> None:
    """Two tabs refresh together; the second answer arrives after the first was stored."""
    await scenario_run.open("b")
    await scenario_run.expire()
    scenario_run.route.group_size = 2
    scenario_run.route.disturbances.extend([Disturbance(), Disturbance(delay=LATE)])
    await asyncio.gather(scenario_run.call(), scenario_run.call(tab="b"))


async def double_start(scenario_run: ScenarioRun) -> None:
    """An effect that refreshes at start runs twice (React's StrictMode)."""
    await scenario_run.expire()
    scenario_run.route.group_size = 2
    scenario_run.route.disturbances.extend([Disturbance(), Disturbance(delay=LATE)])
    await scenario_run.start(2)


async def double_start_first_late(scenario_run: ScenarioRun) -> None:
    await scenario_run.expire()
    scenario_run.route.group_size = 2
    scenario_run.route.disturbances.extend([Disturbance(delay=LATE), Disturbance()])
    await scenario_run.start(2)


SCENARIOS: dict[str, Scenario] = {
    "2-calls-at-once": calls_at_once,
    "3-three-tabs": three_tabs,
    "4-lost-answer": lost_answer,
    "4b-lost-answer-late": lost_answer_retried_late,
    "8b-repeated-request": repeated_request,
    "8c-late-sibling": late_sibling,
    "10a-double-start": double_start,
    "10b-double-start-first-late": double_start_first_late,
    "11-twelve-expiries": many_expiries,
}


async def run_scenario(scenario_run: ScenarioRun, scenario: Scenario) -> bool:
    """Run a scenario and two more expiries. CrashResult whether the client is still logged in."""
    await scenario_run.open("a")
    await scenario_run.login()
    await scenario(scenario_run)
    for _ in range(2):
        await scenario_run.expire()
        await scenario_run.call()
    # On a slow machine the token of a second attempt may have expired.
    for _ in range(TRIES):
        if (await scenario_run.look())["signedOut"]:
            return False
        if await scenario_run.call():
            return True
    return False
