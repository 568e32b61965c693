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
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import django
import django.db

from tests.faults.soak import request_age
from tests.faults.soak.clients import Client, retry_until_answered
from tests.faults.soak.databases import Postgres, temporary_database
from tests.faults.soak.http_client import HttpClient, Statistics
from tests.faults.soak.servers import Gunicorn
from tests.faults.soak.thefts import STORIES, TokenHolder, run_story

PASSWORD = "soak"
WHOLE_SERVER = 5
"""Every fifth kill hits all of gunicorn instead of one worker."""


class Soak:
    """One run of the soak test."""

    def __init__(self, options: argparse.Namespace, server: Gunicorn, postgres: Postgres | None):
        self.options = options
        self.server = server
        self.postgres = postgres
        self.statistics = Statistics()
        self.rng = random.Random(options.seed)  # noqa: S311  (no secrets)
        self.clients: list[Client] = []
        self.thefts: dict[str, int | None] = {}
        """For each stolen session the delay of its detection, in uses."""
        self.over = Event()

    def run(self) -> None:
        options = self.options
        self.clients = [self._client(number) for number in range(options.clients)]
        outages = [
            Thread(target=self._run_outages, args=(options.kills, self._kill)),
            Thread(target=self._run_outages, args=(options.restarts, self._restart)),
        ]
        for outage in outages:
            outage.start()
        with ThreadPoolExecutor(options.clients + options.thefts) as pool:
            runs = [pool.submit(client.run, self.over) for client in self.clients]
            thefts = [pool.submit(self._steal, n) for n in range(options.thefts)]
            try:
                self.over.wait(options.seconds)
            finally:
                self.over.set()
        for outage in outages:
            outage.join()
        for failed in filter(None, (done.exception() for done in (*runs, *thefts))):
            self.statistics.add_violation(repr(failed))
        time.sleep(options.overlap * 1.1)

    def _client(self, number: int) -> Client:
        http = HttpClient(who="honest", port=self.server.port, statistics=self.statistics)
        body = retry_until_answered(lambda: http.login(f"client{number}", PASSWORD)).body
        return Client(
            http=http,
            session=body["session"]["id"],
            access=body["access"],
            refresh=body["refresh"],
            tabs=self.options.tabs,
            loss=self.options.loss,
            overlap=self.options.overlap,
            rng=random.Random(self.rng.random()),  # noqa: S311
        )

    def _steal(self, number: int) -> None:
        """Run one theft after another, each of a new session."""
        http = HttpClient(
            who="owner or attacker", port=self.server.port, statistics=self.statistics
        )
        while not self.over.is_set():
            body = retry_until_answered(lambda: http.login(f"owner{number}", PASSWORD)).body
            tokens = {"access": body["access"], "refresh": body["refresh"]}
            owner, attacker = (
                TokenHolder(http=http, overlap=self.options.overlap, **tokens) for _ in range(2)
            )
            story = STORIES[len(self.thefts) % len(STORIES)]
            self.thefts[body["session"]["id"]] = None
            late = run_story(story, owner, attacker)
            self.thefts[body["session"]["id"]] = late
            if late is None:
                self.statistics.add_violation(
                    f"{body['session']['id']}: {story.__name__} was not found"
                )

    def _run_outages(self, times: int, make: Callable[[int], None]) -> None:
        """Cause ``times`` outages at random times of the run."""
        started = time.monotonic()
        moments = sorted(self.rng.uniform(0, self.options.seconds) for _ in range(times))
        for number, moment in enumerate(moments, start=1):
            if self.over.wait(started + moment - time.monotonic()):
                return
            make(number)

    def _kill(self, number: int) -> None:
        if number % WHOLE_SERVER:
            self.server.kill_worker(self.rng)
            self.statistics.count("workers killed")
        else:
            self.server.kill()
            self.server.start()
            self.statistics.count("whole servers killed")

    def _restart(self, number: int) -> None:
        assert self.postgres is not None
        crash = number % 2 == 0
        self.postgres.stop(crash=crash)
        self.postgres.start()
        self.statistics.count("PostgreSQL crashed" if crash else "PostgreSQL restarted")

    def check_sessions(self) -> None:
        """Check every session, through the server and in the database."""
        from tests.faults.soak import final_checks  # noqa: PLC0415  (Django has to be set up)

        for client in self.clients:
            if not client.is_usable():
                self.statistics.add_violation(f"{client.session}: lost")
        self.statistics.violations += final_checks.find_honest_violations(self.clients)
        self.statistics.violations += final_checks.find_unreported_thefts(list(self.thefts))
        for client in self.clients:
            # The reuse below is not counted as honest.
            client.http.who = "last act"
            if not client.revokes_on_reuse():
                self.statistics.add_violation(f"{client.session}: doubled")


def prepare(options: argparse.Namespace, url: str, directory: Path) -> dict[str, str]:
    """Set up Django, fill the database, and return the environment of the server."""
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "tests.faults.soak.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "SOAK_OVERLAP": str(options.overlap),
        request_age.DIRECTORY: str(directory),
    }
    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415  (Django has to be set up)
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = [f"client{n}" for n in range(options.clients)]
    names += [f"owner{n}" for n in range(options.thefts)]
    for name in names:
        User.objects.create_user(name, password=PASSWORD)
    # The connections would not survive a restart of the database.
    django.db.connections.close_all()
    # The server's warnings must not become errors.
    return {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}


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
        server = Gunicorn(directory, prepare(options, url, directory))
        stack.callback(django.db.connections.close_all)
        stack.callback(server.kill)
        server.start()
        soak, started = Soak(options, server, postgres), time.monotonic()
        soak.run()
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
