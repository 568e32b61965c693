"""Time of pruning, as ratios to a plain DELETE of the same rows.

    python -m benchmarks.pruning                        # SQLite in a file
    DATABASE_URL=postgres://… python -m benchmarks.pruning --sessions 200000 --kept 800000
    DATABASE_URL=mysql://… python -m benchmarks.pruning

Creates a database, and drops it at the end. Each round fills the tables for each subject again and
measures all subjects, so that a busy machine slows all of them equally.

- ``plain``: three DELETE statements in one transaction, for the rows of all expired sessions.
- ``prune``: ``prune_sessions()``, which also searches for sessions of changed accounts.
- ``cascade``: the same while a receiver of ``pre_delete`` is connected, which needs each object.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial

from benchmarks.cpu_time import measure
from benchmarks.project import echo, project


def main() -> None:
    """Measure the subjects and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=20_000, help="expired sessions")
    parser.add_argument("--kept", type=int, default=0, help="sessions that are kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, action="append", default=[])
    options = parser.parse_args()
    with project("pruning") as database:
        echo(f"{options.sessions:,} expired sessions, {options.kept:,} kept, in {database}")
        measured = _measure(options)
    plain = statistics.median(measured["plain"]["CPU"])
    for subject, times in measured.items():
        cpu, wall = (statistics.median(times[name]) for name in ("CPU", "wall"))
        ratio = f"{cpu / plain:5.2f} of plain"
        echo(f"{subject:12} CPU {cpu:7.1f} µs, wall {wall:7.1f} µs for each session   {ratio}")


def _measure(options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    from benchmarks.expired_rows import fill

    if options.kept:
        fill(options.kept, expired=False)
    subjects = _subjects(options.batch_size)
    measured: dict[str, dict[str, list[float]]] = {
        name: {"CPU": [], "wall": []} for name in subjects
    }
    for _ in range(options.rounds):
        for name, delete in subjects.items():
            fill(options.sessions, expired=True)
            cpu, wall = measure(delete)
            _check(options.kept)
            measured[name]["CPU"].append(cpu / options.sessions * 1e6)
            measured[name]["wall"].append(wall / options.sessions * 1e6)
    return measured


def _subjects(batch_sizes: list[int]) -> dict[str, Callable[[], object]]:
    from django.db.models.signals import pre_delete

    from benchmarks.expired_rows import delete_plainly
    from refresh_sessions.models import DeviceSession
    from refresh_sessions.sessions import prune_sessions

    def cascade() -> None:
        def receive(**_: object) -> None:
            pass

        pre_delete.connect(receive, sender=DeviceSession)
        prune_sessions()
        pre_delete.disconnect(receive, sender=DeviceSession)

    sized = {f"prune {size}": partial(prune_sessions, batch_size=size) for size in batch_sizes}
    return {
        "plain": delete_plainly,
        "prune": prune_sessions,
        **sized,
        "cascade": cascade,
    }


def _check(kept: int) -> None:
    from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily

    counts = [model.objects.count() for model in (DeviceSession, TokenFamily, SessionEvent)]
    if counts != [kept, kept, 2 * kept]:
        raise SystemExit(f"Wrong rows are left: {counts}")


if __name__ == "__main__":
    main()
