"""Threads with separate connections that start together."""

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
"""Seconds until a waiting thread is considered stuck."""

Calls = Sequence[Callable[[], Any]]


def scaled(short: int, full: int) -> int:
    """Return the number for a normal run, or for ``tox -e races``."""
    return full if os.environ.get("REFRESH_SESSIONS_RACES") == "full" else short


def with_random_delay(call: Callable[[], Any], *, within: float = 0.004) -> Callable[[], Any]:
    """Delay a call by a random time, to vary the interleavings."""

    def later() -> Any:
        time.sleep(random.uniform(0, within))  # noqa: S311  (no secret)
        return call()

    return later


@contextmanager
def thread_pool(size: int) -> Iterator[Callable[[Calls], list[Any]]]:
    """Create threads that keep their connections between races.

    Yields the function that runs one race with one call per thread.
    """
    barrier = Barrier(size)

    def run(call: Callable[[], Any]) -> Any:
        try:
            # The connection first: opening it would delay some threads.
            connections["default"].ensure_connection()
            barrier.wait(LONGEST_WAIT)
            return call()
        except RefreshSessionsError as error:
            return error
        except BaseException:
            # The other threads must not wait for this one.
            barrier.abort()
            raise

    def leave(_: int) -> None:
        connections.close_all()
        # Each thread must close its connections exactly once.
        barrier.wait(LONGEST_WAIT)

    with ThreadPoolExecutor(max_workers=size) as pool:

        def race(calls: Calls) -> list[Any]:
            assert len(calls) == size
            futures = [pool.submit(run, call) for call in calls]
            # Wait for all threads after a failure too: the original error may not be the first.
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
    """Whether the error only reports that another thread failed."""
    return isinstance(error, BrokenBarrierError)


def at_once(calls: Calls) -> list[Any]:
    """Run all calls in threads that start together; return results and errors."""
    with thread_pool(len(calls)) as race:
        return race(calls)
