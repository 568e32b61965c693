"""What happens to honest clients. Each story begins right after the log-in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.clients.proxy import Fate
from tests.clients.world import OVERLAP_SECONDS, World

LATE = 0.5
"""Seconds, less than half of the overlap: docs/rotation.md asks no more of clients."""

TRIES = 3

Story = Callable[[World], Awaitable[None]]


async def calls_at_once(world: World, *, expiries: int = 1) -> None:
    for _ in range(expiries):
        await world.expire()
        await world.call(10)


async def many_expiries(world: World) -> None:
    await calls_at_once(world, expiries=12)


async def three_tabs(world: World) -> None:
    tabs = ("a", "b", "c")
    await world.open("b", "c")
    for _ in range(2):
        await world.expire()
        await asyncio.gather(*(world.call(4, tab=tab) for tab in tabs))


async def lost_answer(world: World, *, pause: float = LATE) -> None:
    await world.expire()
    world.way.fates.append(Fate(lost=True))
    await world.call()
    await asyncio.sleep(pause)
    await world.call()


async def lost_answer_retried_late(world: World) -> None:
    await lost_answer(world, pause=OVERLAP_SECONDS + LATE)


async def repeated_request(world: World) -> None:
    """Something on the way sends the request twice: the client sees the second answer alone."""
    await world.expire()
    world.way.fates.append(Fate(repeated=True))
    await world.call()


async def late_sibling(world: World) -> None:
    """Two tabs refresh together; what the second gets arrives when the first has saved."""
    await world.open("b")
    await world.expire()
    world.way.gathered = 2
    world.way.fates.extend([Fate(), Fate(delay=LATE)])
    await asyncio.gather(world.call(), world.call(tab="b"))


async def double_start(world: World) -> None:
    """An effect that refreshes at start runs twice (React's StrictMode)."""
    await world.expire()
    world.way.gathered = 2
    world.way.fates.extend([Fate(), Fate(delay=LATE)])
    await world.start(2)


async def double_start_first_late(world: World) -> None:
    await world.expire()
    world.way.gathered = 2
    world.way.fates.extend([Fate(delay=LATE), Fate()])
    await world.start(2)


STORIES: dict[str, Story] = {
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


async def tell(world: World, story: Story) -> bool:
    """Tell a story, and two expiries after it. Gives whether the client is still signed in."""
    await world.open("a")
    await world.login()
    await story(world)
    for _ in range(2):
        await world.expire()
        await world.call()
    # Where the machine is slow, a client's second try may come with a token that has expired.
    for _ in range(TRIES):
        if (await world.look())["signedOut"]:
            return False
        if await world.call():
            return True
    return False
