"""A steady load on PostgreSQL: share of heap-only updates, and sizes of tables and indexes.

    DATABASE_URL=postgres://… python -m benchmarks.churn --minutes 60
    DATABASE_URL=postgres://… python -m benchmarks.churn --minutes 60 --tuned

The server must run autovacuum. The benchmark creates a database, and drops it at the end. Sessions
last a quarter of an hour instead of a week, so an hour covers four generations of sessions. The
number of sessions is constant after the first quarter: each one is refreshed about forty times,
and pruned a minute after its deadline at the latest. Other sessions stay unused.

With ``--tuned``, the tables get the settings of docs/scale.md.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from benchmarks.project import echo, project, require_postgres

LIFETIME = timedelta(minutes=15)


def main() -> None:
    """Run the load, and print a line for each period."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=80, help="operations for each second")
    parser.add_argument("--unused", type=int, default=100_000, help="sessions without requests")
    parser.add_argument("--tuned", action="store_true", help="apply the settings of docs/scale.md")
    parser.add_argument("--report", type=float, default=300, help="seconds of a period")
    options = parser.parse_args()
    require_postgres()
    settings = {
        "SESSION_LIFETIME": LIFETIME,
        "ROTATION_OVERLAP": timedelta(0),
        "CONFIRM_DELIVERY_AFTER": timedelta(seconds=5),
    }
    with project("churn", REFRESH_SESSIONS=settings):
        from benchmarks import table_sizes
        from benchmarks.expired_rows import fill
        from benchmarks.load import Load

        if options.tuned:
            table_sizes.apply_recommended_settings()
        fill(options.unused, expired=False)
        load = Load(options.rate)
        echo(table_sizes.HEADER)
        for _ in range(round(options.minutes * 60 / options.report)):
            load.run(options.report)
            echo(table_sizes.describe(f"{len(load.clients):,} clients"))
        echo(", ".join(f"{number:,} x {name}" for name, number in load.done.items()))


if __name__ == "__main__":
    main()
