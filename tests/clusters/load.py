"""Load on a cluster while nodes fail; prints the results as JSON.

    python -m tests.clusters.load galera --fault kill
    python -m tests.clusters.load patroni --way pgbouncer --fault partition

The cluster must run (``scripts/clusters start``). Three servers of the example project use it;
each request goes to one of them at random. A quarter of the answers is lost. At the end, every
session is checked through the servers and in the database.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django.db

from tests.clusters.crowds import Crowd
from tests.clusters.engines import Galera, Patroni
from tests.clusters.faults import FAULTS, run_fault
from tests.clusters.visitors import Visitor
from tests.faults.soak import request_age
from tests.faults.soak.preparation import prepare
from tests.faults.soak.run import Actor, Soak
from tests.faults.soak.servers import Gunicorn

CHECKED_AGAIN = 60
"""Ended sessions of each visitor whose tokens are presented once more at the end."""


def main(options: argparse.Namespace) -> int:
    cluster: Any = (
        Galera(options.engine, sync_wait=options.sync_wait)
        if options.engine == "galera"
        else Patroni(options.engine, way=options.way)
    )
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clusters-")))
        name = f"load_{secrets.token_hex(4)}"
        cluster.create_database(name)
        databases = [json.dumps(database) for database in cluster.databases(name)]
        env = prepare(
            options,
            directory,
            DJANGO_SETTINGS_MODULE="tests.clusters.settings",
            CLUSTER_DATABASE=databases[0],
        )
        stack.callback(django.db.connections.close_all)
        servers = [
            Gunicorn(directory, {**env, "CLUSTER_DATABASE": database}, workers=1, threads=12)
            for database in databases
        ]
        for server in servers:
            stack.callback(server.kill)
            server.start()
        load = Load(options, Soak(options, [server.port for server in servers]))
        started = time.monotonic()
        load.soak.run((), [*load.actors(), run_fault(cluster, options.fault, load.statistics)])
        seconds = time.monotonic() - started
        cluster.wait_until_healthy()
        load.check()
        for difference in cluster.find_differences(name):
            load.statistics.add_violation(difference)
        slowest = max(load.statistics.slowest, request_age.oldest(directory))
        result = load.result(seconds, slowest)
        if options.logs:
            for server in servers:
                sys.stderr.write(server.log.read_text())
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 1 if result["violations"] else 0


class Load:
    """Clients, attackers, visitors and crowds."""

    def __init__(self, options: argparse.Namespace, soak: Soak) -> None:
        self.options = options
        self.soak = soak
        self.statistics = soak.statistics
        rng = random.Random(options.seed)  # noqa: S311  (no secrets)
        self.visitors = [
            Visitor(
                http=soak.http_client("visitor"),
                username=f"visitor{number}",
                loss=options.loss,
                rng=random.Random(rng.random()),  # noqa: S311
            )
            for number in range(options.visitors)
        ]
        crowd = soak.http_client("presenter")
        self.crowds = (
            [Crowd(http=crowd, username="visitor0", size=options.presenters)]
            if options.presenters
            else []
        )

    def actors(self) -> list[Actor]:
        return [
            *(visitor.run for visitor in self.visitors),
            *(crowd.run for crowd in self.crowds),
        ]

    def check(self) -> None:
        """Check every session, in the database and with its tokens."""
        from tests.clusters import final_checks  # noqa: PLC0415  (Django has to be set up)

        self.soak.check_sessions()
        for visitor in self.visitors:
            for session in visitor.ended[-CHECKED_AGAIN:]:
                visitor.check(session)
        ended = [session.session for visitor in self.visitors for session in visitor.ended]
        self.statistics.violations += final_checks.find_logout_violations(ended)
        presented = [session for crowd in self.crowds for session in crowd.sessions]
        self.statistics.violations += final_checks.find_presenter_violations(presented)

    def result(self, seconds: float, slowest: float) -> dict[str, Any]:
        statistics, found = self.statistics, list(self.soak.thefts.values())
        return {
            "engine": self.options.engine,
            "fault": self.options.fault,
            "seed": self.options.seed,
            "seconds": round(seconds),
            "requests": dict(statistics.requests),
            "statuses": dict(sorted(statistics.statuses.items())),
            "events": dict(sorted(statistics.counts.items())),
            "slowest": round(slowest, 1),
            "refreshed": sum(len(client.received) for client in self.soak.clients),
            "logouts": sum(len(visitor.ended) for visitor in self.visitors),
            "thefts": len(found),
            "thefts found": sum(late is not None for late in found),
            "violations": statistics.violations,
        }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clusters.load")
    parser.add_argument("engine", choices=["galera", "patroni", "patroni-async"])
    parser.add_argument("--way", choices=["direct", "haproxy", "pgbouncer"], default="direct")
    parser.add_argument("--sync-wait", type=int, default=1, help="wsrep_sync_wait of Galera")
    parser.add_argument("--fault", default="none")
    parser.add_argument("--seconds", type=float, default=75)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--tabs", type=int, default=2, help="of each client")
    parser.add_argument("--thefts", type=int, default=2, help="at the same time")
    parser.add_argument("--visitors", type=int, default=3)
    parser.add_argument("--presenters", type=int, default=6, help="of one token at once")
    parser.add_argument("--loss", type=float, default=0.25, help="share of answers that get lost")
    parser.add_argument("--overlap", type=float, default=10.0, help="ROTATION_OVERLAP in seconds")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--logs", action="store_true", help="print the logs of the servers")
    options = parser.parse_args(arguments)
    faults = FAULTS[options.engine.partition("-")[0]]
    if options.fault not in faults:
        parser.error(f"the faults of {options.engine} are {', '.join(faults)}")
    return options


if __name__ == "__main__":
    sys.exit(main(parse(sys.argv[1:])))
