"""Time of refreshes on PostgreSQL while a million sessions are pruned.

    DATABASE_URL=postgres://… python -m benchmarks.prune_load
    DATABASE_URL=postgres://… python -m benchmarks.prune_load --expired 200000 --phase 3

Creates a database, and drops it at the end. Phases of three kinds alternate, so that a busy
machine slows all of them equally: refreshes alone, beside a process that computes, and beside a
process that prunes, which waits between two batches during the other phases. The difference
between the last two is the effect of locks and of the disk.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.project import echo, project, require_postgres

LIVE = 20_000
CLIENTS = 150


def main() -> None:
    """Measure and print the percentiles of each kind of phases."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--expired", type=int, default=1_000_000, help="sessions to prune")
    parser.add_argument("--phase", type=float, default=5, help="seconds of a phase")
    parser.add_argument("--batch-size", type=int, default=2000)
    options = parser.parse_args()
    require_postgres()
    with project("prune_load", REFRESH_SESSIONS={"ROTATION_OVERLAP": timedelta(0)}):
        from django.db import connections

        from benchmarks.expired_rows import fill

        fill(options.expired, expired=True)
        fill(LIVE, expired=False)
        connections.close_all()
        # Copies of this process, which is set up.
        context = multiprocessing.get_context("fork")
        events = {name: context.Event() for name in ("computing", "pruning")}
        spin = context.Process(target=_compute, args=(events["computing"],), daemon=True)
        prune = context.Process(target=_prune, args=(events["pruning"], options.batch_size))
        spin.start()
        prune.start()
        try:
            times = _measure(prune, events, options.phase)
        finally:
            events["pruning"].set()
            prune.join()
            spin.terminate()
    _report(times)


def _prune(running: Any, batch_size: int) -> None:
    from refresh_sessions.sessions import prune_sessions

    running.wait()
    start = time.perf_counter()
    deleted = prune_sessions(batch_size=batch_size, progress=lambda _: running.wait())
    echo(f"{deleted:,} sessions pruned in {time.perf_counter() - start:.0f} s, with the pauses")


def _compute(running: Any) -> None:
    while running.wait():
        sum(range(10_000))


def _measure(prune: Any, events: dict[str, Any], seconds: float) -> dict[str, list[float]]:
    refresh = _make_refresh()
    times: dict[str, list[float]] = {"alone": [], "computing": [], "pruning": []}
    while prune.is_alive():
        for phase, measured in times.items():
            for name, event in events.items():
                (event.set if name == phase else event.clear)()
            end = time.monotonic() + seconds
            while time.monotonic() < end and (prune.is_alive() or phase != "pruning"):
                start = time.perf_counter()
                refresh()
                measured.append(time.perf_counter() - start)
                # A client does not send the next refresh at once.
                time.sleep(0.002)
    return times


def _make_refresh() -> Callable[[], None]:
    from django.contrib.auth import get_user_model

    from refresh_sessions.sessions import refresh_session, start_session

    user = get_user_model().objects.create_user("client")
    tokens = [str(start_session(user).refresh) for _ in range(CLIENTS)]
    chosen = random.Random(1)  # noqa: S311

    def refresh() -> None:
        number = chosen.randrange(CLIENTS)
        tokens[number] = str(refresh_session(tokens[number]).refresh)

    return refresh


def _report(times: dict[str, list[float]]) -> None:
    echo(f"{'':10}{'refreshes':>10}{'median ms':>10}{'p99 ms':>10}{'p99.9 ms':>10}")
    for name, measured in times.items():
        parts = statistics.quantiles(measured, n=1000)
        values = "".join(f"{1000 * parts[number]:10.2f}" for number in (499, 989, 998))
        echo(f"{name:10}{len(measured):10,}{values}")


if __name__ == "__main__":
    main()
