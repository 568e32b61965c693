"""Real threads with connections of their own, started all at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connections

from refresh_sessions.exceptions import RefreshSessionsError


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all calls in threads that wait for each other at the start; errors are results."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            # The connection first: opening it would stagger the threads.
            connections["default"].ensure_connection()
            barrier.wait(timeout=30)
            return call()
        except RefreshSessionsError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))
