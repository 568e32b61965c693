"""Soak test: honest clients and attackers use a server that is killed repeatedly.

    python -m tests.faults.soak --database postgres --seconds 600 --kills 60 --restarts 6

A quarter of the answers is lost, workers and whole servers are killed with SIGKILL, PostgreSQL is
stopped or crashed and started again. At the end no honest session may be lost, duplicated or
revoked, and every theft must have been detected. Exits with 1 otherwise, or with 3 if a request
took more than half the overlap, because the rotation rule does not cover such requests.

With ``--restarts`` the program starts its own PostgreSQL; otherwise it creates a database on the
server that ``scripts/servers`` started.
"""

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import django.db

from tests.faults.soak import request_age
from tests.faults.soak.databases import Postgres, temporary_database
from tests.faults.soak.preparation import prepare
from tests.faults.soak.run import Outage, Soak
from tests.faults.soak.servers import Gunicorn

WHOLE_SERVER = 5
"""Every fifth kill hits all of gunicorn instead of one worker."""


def outages(
    options: argparse.Namespace, server: Gunicorn, postgres: Postgres | None
) -> list[Outage]:
    """The outages that the options ask for."""
    rng = random.Random(options.seed)  # noqa: S311  (no secrets)

    def kill(number: int) -> str:
        if number % WHOLE_SERVER:
            server.kill_worker(rng)
            return "workers killed"
        server.kill()
        server.start()
        return "whole servers killed"

    def restart(number: int) -> str:
        assert postgres is not None
        crash = number % 2 == 0
        postgres.stop(crash=crash)
        postgres.start()
        return "PostgreSQL crashed" if crash else "PostgreSQL restarted"

    return [(options.kills, kill), (options.restarts, restart)]


def report(soak: Soak, slowest: float, seconds: float) -> None:
    """Print the results."""
    statistics, found = soak.statistics, list(soak.thefts.values())
    lines = {
        "database": f"{django.db.connection.vendor}, seed {soak.options.seed}",
        "seconds": f"{seconds:.0f}",
        "requests": dict(statistics.requests),
        "statuses": dict(sorted(statistics.statuses.items())),
        "events": dict(sorted(statistics.counts.items())),
        "slowest request": f"{slowest:.2f} s of an overlap of {soak.options.overlap:.1f} s",
        "honest sessions": len(soak.clients),
        "refresh tokens received by them": sum(len(c.received) for c in soak.clients),
        "thefts found": f"{sum(late is not None for late in found)}/{len(found)}",
        "found at once": found.count(0),
        "violations": len(statistics.violations),
    }
    for name, value in lines.items():
        print(f"{name}: {value}")  # noqa: T201  (the output of this program)
    for violation in statistics.violations[:20]:
        print(f"VIOLATION {violation}")  # noqa: T201


def main(options: argparse.Namespace) -> int:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        postgres = Postgres(directory) if options.restarts else None
        if postgres:
            stack.callback(postgres.stop)
            postgres.create()
            postgres.start()
        url = (
            postgres.url
            if postgres
            else stack.enter_context(temporary_database(options.database, directory))
        )
        server = Gunicorn(directory, prepare(options, directory, DATABASE_URL=url))
        stack.callback(django.db.connections.close_all)
        stack.callback(server.kill)
        server.start()
        soak, started = Soak(options, [server.port]), time.monotonic()
        soak.run(outages(options, server, postgres))
        seconds = time.monotonic() - started
        soak.check_sessions()
        slowest = max(soak.statistics.slowest, request_age.oldest(directory))
        report(soak, slowest, seconds)
    if not soak.statistics.violations:
        return 0
    return 1 if slowest < options.overlap / 2 else 3


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--database", choices=["sqlite", "postgres", "mariadb"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--tabs", type=int, default=3, help="of each client")
    parser.add_argument("--thefts", type=int, default=6, help="at the same time")
    parser.add_argument("--loss", type=float, default=0.25, help="share of answers that get lost")
    parser.add_argument("--overlap", type=float, default=2.0, help="ROTATION_OVERLAP in seconds")
    parser.add_argument("--kills", type=int, default=6, help="of gunicorn")
    parser.add_argument("--restarts", type=int, default=0, help="of a PostgreSQL of its own")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args(arguments)
    if options.restarts and options.database != "postgres":
        parser.error("--restarts is for --database postgres")
    return options


def stop(number: int, frame: object) -> None:
    """Exit with cleanup, also for a background job of a shell."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(parse(sys.argv[1:])))
