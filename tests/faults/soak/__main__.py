"""Honest clients and thieves against a server that is killed over and over.

    python -m tests.faults.soak --database postgres --seconds 600 --clients 32 --kills 60 \
        --restarts 6

A quarter of the answers gets lost, workers and whole servers are killed by SIGKILL, PostgreSQL is
stopped or crashed and started again. In the end no honest session may be lost, doubled or accused,
and every theft must have been found. Exits with 1 if that is not so, and with 3 if it is not so
but a request took more than half the overlap, beyond which the rule promises nothing.

With ``--restarts`` it starts a PostgreSQL of its own; otherwise it makes a database on the server
that ``scripts/servers`` started.
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

from tests.faults.soaking import ages
from tests.faults.soaking.clients import Client, insist
from tests.faults.soaking.databases import Postgres, fresh
from tests.faults.soaking.servers import Gunicorn
from tests.faults.soaking.thieves import STORIES, Holder, play
from tests.faults.soaking.wire import Ledger, Wire

PASSWORD = "soak"
WHOLE_SERVER = 5
"""Every so many kills hit all of gunicorn, not just one worker."""


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, server: Gunicorn, postgres: Postgres | None):
        self.options = options
        self.server = server
        self.postgres = postgres
        self.ledger = Ledger()
        self.chance = random.Random(options.seed)  # noqa: S311  (chance, not secrets)
        self.clients: list[Client] = []
        self.thefts: dict[str, int | None] = {}
        """Late by how many uses each was found, by session."""
        self.over = Event()

    def run(self) -> None:
        options = self.options
        self.clients = [self._client(number) for number in range(options.clients)]
        troubles = [
            Thread(target=self._trouble, args=(options.kills, self._kill)),
            Thread(target=self._trouble, args=(options.restarts, self._restart)),
        ]
        for trouble in troubles:
            trouble.start()
        with ThreadPoolExecutor(options.clients + options.thieves) as pool:
            lives = [pool.submit(client.live, self.over) for client in self.clients]
            crimes = [pool.submit(self._steal, n) for n in range(options.thieves)]
            try:
                self.over.wait(options.seconds)
            finally:
                self.over.set()
        for trouble in troubles:
            trouble.join()
        for failed in filter(None, (done.exception() for done in (*lives, *crimes))):
            self.ledger.violated(repr(failed))
        time.sleep(options.overlap * 1.1)

    def _client(self, number: int) -> Client:
        wire = Wire(who="honest", port=self.server.port, ledger=self.ledger)
        body = insist(lambda: wire.login(f"client{number}", PASSWORD)).body
        return Client(
            wire=wire,
            session=body["session"]["id"],
            access=body["access"],
            refresh=body["refresh"],
            tabs=self.options.tabs,
            loss=self.options.loss,
            overlap=self.options.overlap,
            chance=random.Random(self.chance.random()),  # noqa: S311
        )

    def _steal(self, number: int) -> None:
        """One theft after another, each of a new session."""
        wire = Wire(who="victim or thief", port=self.server.port, ledger=self.ledger)
        while not self.over.is_set():
            body = insist(lambda: wire.login(f"victim{number}", PASSWORD)).body
            tokens = {"access": body["access"], "refresh": body["refresh"]}
            victim, thief = (
                Holder(wire=wire, overlap=self.options.overlap, **tokens) for _ in range(2)
            )
            story = STORIES[len(self.thefts) % len(STORIES)]
            self.thefts[body["session"]["id"]] = None
            late = play(story, victim, thief)
            self.thefts[body["session"]["id"]] = late
            if late is None:
                self.ledger.violated(f"{body['session']['id']}: {story.__name__} was not found")

    def _trouble(self, times: int, make: Callable[[int], None]) -> None:
        """Make trouble so many times, at random moments of the run."""
        started = time.monotonic()
        moments = sorted(self.chance.uniform(0, self.options.seconds) for _ in range(times))
        for number, moment in enumerate(moments, start=1):
            if self.over.wait(started + moment - time.monotonic()):
                return
            make(number)

    def _kill(self, number: int) -> None:
        if number % WHOLE_SERVER:
            self.server.kill_worker(self.chance)
            self.ledger.count("workers killed")
        else:
            self.server.kill()
            self.server.start()
            self.ledger.count("whole servers killed")

    def _restart(self, number: int) -> None:
        assert self.postgres is not None
        crash = number % 2 == 0
        self.postgres.stop(crash=crash)
        self.postgres.start()
        self.ledger.count("PostgreSQL crashed" if crash else "PostgreSQL restarted")

    def judge(self) -> None:
        """Look at every session, through the server and in the database."""
        from tests.faults.soaking import verdict  # noqa: PLC0415  (Django has to be set up)

        for client in self.clients:
            if not client.ends_well():
                self.ledger.violated(f"{client.session}: lost")
        self.ledger.violations += verdict.faults_of_honest(self.clients)
        self.ledger.violations += verdict.unreported_thefts(list(self.thefts))
        for client in self.clients:
            # From here on the client is not honest any more.
            client.wire.who = "last act"
            if not client.has_one_lineage():
                self.ledger.violated(f"{client.session}: doubled")


def prepare(options: argparse.Namespace, url: str, directory: Path) -> dict[str, str]:
    """Set Django up here, fill the database, and return the environment of the server."""
    os.environ |= {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "tests.faults.soaking.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "SOAK_OVERLAP": str(options.overlap),
        ages.DIRECTORY: str(directory),
    }
    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415  (Django has to be set up)
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = [f"client{n}" for n in range(options.clients)]
    names += [f"victim{n}" for n in range(options.thieves)]
    for name in names:
        User.objects.create_user(name, password=PASSWORD)
    # It would not outlive a restart of the database.
    django.db.connections.close_all()
    # The server is no part of a test run, and its own warnings are not ours to see to.
    return {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}


def report(soak: Soak, slowest: float, seconds: float) -> None:
    """Print what happened."""
    ledger, found = soak.ledger, list(soak.thefts.values())
    lines = {
        "database": f"{django.db.connection.vendor}, seed {soak.options.seed}",
        "seconds": f"{seconds:.0f}",
        "requests": dict(ledger.requests),
        "statuses": dict(sorted(ledger.statuses.items())),
        "events": dict(sorted(ledger.counts.items())),
        "slowest request": f"{slowest:.2f} s of an overlap of {soak.options.overlap:.1f} s",
        "honest sessions": len(soak.clients),
        "refresh tokens received by them": sum(len(c.received) for c in soak.clients),
        "thefts found": f"{sum(late is not None for late in found)}/{len(found)}",
        "found at once": found.count(0),
        "violations": len(ledger.violations),
    }
    for name, value in lines.items():
        print(f"{name}: {value}")  # noqa: T201  (the report is what this program is for)
    for violation in ledger.violations[:20]:
        print(f"VIOLATION {violation}")  # noqa: T201


def main(options: argparse.Namespace) -> int:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        postgres = Postgres(directory) if options.restarts else None
        if postgres:
            stack.callback(postgres.stop)
            postgres.create()
            postgres.start()
        url = postgres.url if postgres else stack.enter_context(fresh(options.database, directory))
        server = Gunicorn(directory, prepare(options, url, directory))
        stack.callback(django.db.connections.close_all)
        stack.callback(server.kill)
        server.start()
        soak, started = Soak(options, server, postgres), time.monotonic()
        soak.run()
        seconds = time.monotonic() - started
        soak.judge()
        slowest = max(soak.ledger.slowest, ages.oldest(directory))
        report(soak, slowest, seconds)
    if not soak.ledger.violations:
        return 0
    return 1 if slowest < options.overlap / 2 else 3


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--database", choices=["sqlite", "postgres", "mariadb"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--tabs", type=int, default=3, help="of each client")
    parser.add_argument("--thieves", type=int, default=6, help="at work at the same time")
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
    """End by way of all that is to be cleaned up, also in a shell's background."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main(parse(sys.argv[1:])))
