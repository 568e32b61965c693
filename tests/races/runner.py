"""Real threads with connections of their own, started all at once."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier, BrokenBarrierError
from typing import Any

from django.db import connections

from refresh_sessions.exceptions import RefreshSessionsError

LONGEST_WAIT = 60.0
"""Seconds after which a thread that has not come is stuck."""

Calls = Sequence[Callable[[], Any]]


def scaled(short: int, full: int) -> int:
    """How often, or by how many: little in every run, much under ``tox -e races``."""
    return full if os.environ.get("REFRESH_SESSIONS_RACES") == "full" else short


def soon(call: Callable[[], Any], *, within: float = 0.004) -> Callable[[], Any]:
    """Make it start after a moment of a random length, to meet other calls in their every part."""

    def later() -> Any:
        time.sleep(random.uniform(0, within))  # noqa: S311  (no secret)
        return call()

    return later


@contextmanager
def crew(size: int) -> Iterator[Callable[[Calls], list[Any]]]:
    """Threads that keep their connections from one race to the next.

    Yields the function that runs one race: it takes as many calls as there are threads.
    """
    barrier = Barrier(size)

    def run(call: Callable[[], Any]) -> Any:
        try:
            # The connection first: opening it would stagger the threads.
            connections["default"].ensure_connection()
            barrier.wait(LONGEST_WAIT)
            return call()
        except RefreshSessionsError as error:
            return error
        except BaseException:
            # The others need not wait for this one.
            barrier.abort()
            raise

    def leave(_: int) -> None:
        connections.close_all()
        # No thread may leave twice while another has yet to do so.
        barrier.wait(LONGEST_WAIT)

    with ThreadPoolExecutor(max_workers=size) as pool:

        def race(calls: Calls) -> list[Any]:
            assert len(calls) == size
            futures = [pool.submit(run, call) for call in calls]
            # All of them, also when one has failed: its error must not overtake the others.
            wait(futures)
            errors = [error for each in futures if (error := each.exception())]
            if errors:
                raise min(errors, key=_is_late)
            return [future.result() for future in futures]

        try:
            yield race
        finally:
            barrier.reset()
            list(pool.map(leave, range(size)))


def _is_late(error: BaseException) -> bool:
    """Whether it only tells that another thread has failed before."""
    return isinstance(error, BrokenBarrierError)


def at_once(calls: Calls) -> list[Any]:
    """Run all calls in threads that wait for each other at the start; errors are results."""
    with crew(len(calls)) as race:
        return race(calls)
