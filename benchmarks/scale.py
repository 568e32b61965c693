"""Time of operations and size of tables with 10,000 to 10,000,000 sessions in PostgreSQL.

    DATABASE_URL=postgres://… python -m benchmarks.scale
    DATABASE_URL=postgres://… python -m benchmarks.scale --sessions 10000 --sessions 1000000
    DATABASE_URL=postgres://… python -m benchmarks.scale --keep    # for another run
    DATABASE_URL=postgres://… python -m benchmarks.scale --sessions 1000000 --partitioned 1000000

Creates one database for each number of sessions on the server, and drops them at the end. Ten
million sessions need 30 GB. The databases have the same proportions: five sessions for each user,
one family and three events for each session, two of ten sessions live.

Each round measures each operation in all databases, so that a busy machine slows all of them
equally. "CPU" is the time of Python and of the database session; it excludes reads from disk.
With ``--partitioned``, another database gets the migration of docs/scale.md.

The exit status is 1 if a request or a refresh in the largest database takes more than 1.3 times
the CPU time of that in the smallest.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from benchmarks.project import CurrentDatabase, echo, project, require_postgres

SIZES = (10_000, 1_000_000, 10_000_000)
PARTITIONED = "partitioned"
LIMIT = 1.3
_FEW = 5
"""Rounds of operations that take long or change many rows."""

_Times = dict[tuple[str, str], list[tuple[float, float]]]
_Prepare = Callable[[], Callable[[], object]]
"""Returns the call to measure; what it needs is prepared before."""


def main() -> int:
    """Fill the databases, measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--partitioned", type=int, help="sessions of a partitioned database")
    parser.add_argument("--keep", action="store_true", help="keep the databases")
    options = parser.parse_args()
    require_postgres()
    sizes = sorted(options.sessions or SIZES)
    aliases = {f"{size}" if number else "default": size for number, size in enumerate(sizes)}
    if options.partitioned:
        aliases[PARTITIONED] = options.partitioned
    rates = ("session-login", "session-login-address", "session-refresh")
    settings = {
        "DATABASE_ROUTERS": ["benchmarks.project.CurrentDatabase"],
        "ROOT_URLCONF": "benchmarks.scale_operations",
        "REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": dict.fromkeys(rates)},
        "REFRESH_SESSIONS": {"ACCESS_TOKEN_LIFETIME": timedelta(days=1)},
    }
    ends = {alias: str(size) for alias, size in aliases.items()}
    if options.partitioned:
        ends[PARTITIONED] = f"{options.partitioned}_partitioned"
    with project("scale", aliases=ends, keep=options.keep, **settings):
        for alias, size in aliases.items():
            _fill(alias, size)
        times = _measure(aliases, options.rounds)
        return _report(times, aliases)


def _fill(alias: str, size: int) -> None:
    from benchmarks.table_sizes import apply_partitions, read_sizes
    from refresh_sessions.models import DeviceSession
    from tests.admin.bulk_data import fill

    CurrentDatabase.alias = alias
    began = time.perf_counter()
    if not DeviceSession.objects.exists():
        fill(sessions=size, users=size // 5, using=alias)
        if alias == PARTITIONED:
            apply_partitions(alias)
    echo(f"\n{alias}: {size:,} sessions, filled in {time.perf_counter() - began:.0f} s")
    for table in read_sizes(alias):
        heap, indexes = table.heap / size, table.indexes / size
        echo(f"{table.name:9} {heap:6.0f} bytes for each session, indexes {indexes:6.0f}")


def _measure(aliases: dict[str, int], rounds: int) -> _Times:
    from benchmarks.cpu_time import measure

    times: _Times = defaultdict(list)
    prepared = {alias: _prepare(alias, rounds) for alias in aliases}
    for number in range(rounds):
        for alias, operations in prepared.items():
            CurrentDatabase.alias = alias
            for name, calls in operations.items():
                if number < len(calls):
                    times[name, alias].append(measure(calls[number](), using=alias))
    return times


def _prepare(alias: str, rounds: int) -> dict[str, list[_Prepare]]:
    """The calls of each operation; those with tokens are prepared before all rounds."""
    from benchmarks.scale_operations import Operations

    CurrentDatabase.alias = alias
    operations = Operations(seed=rounds)
    many = {"request", "refresh", "login", "own sessions"}
    prepared: dict[str, list[_Prepare]] = {}
    for name, prepare in operations.named().items():
        if name in many:
            prepared[name] = [partial(_get, prepare()) for _ in range(rounds)]
        else:
            prepared[name] = [prepare] * _FEW
    return prepared


def _get(call: Callable[[], object]) -> Callable[[], object]:
    return call


def _report(times: _Times, aliases: dict[str, int]) -> int:
    names = [
        "partitioned" if alias == PARTITIONED else f"{size:,}" for alias, size in aliases.items()
    ]
    sizes = "".join(f"{name:>26}" for name in names)
    echo(f"\n{'operation':24}{sizes}")
    echo(f"{'':24}" + "    CPU ms     ms     ratio" * len(aliases))
    worst = 0.0
    for name in dict.fromkeys(name for name, _ in times):
        medians = [_medians(times[name, alias]) for alias in aliases]
        ratios = [cpu / medians[0][0] for cpu, _ in medians]
        columns = zip(medians, ratios, strict=True)
        cells = [f"{cpu:10.2f}{wall:8.2f}{ratio:8.2f}" for (cpu, wall), ratio in columns]
        echo(f"{name:24}{''.join(cells)}")
        if name in {"request", "refresh"}:
            worst = max(worst, ratios[-1])
    return int(worst > LIMIT)


def _medians(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Milliseconds of CPU time and of wall-clock time."""
    cpu, wall = zip(*times, strict=True)
    return statistics.median(cpu) * 1000, statistics.median(wall) * 1000


if __name__ == "__main__":
    sys.exit(main())
