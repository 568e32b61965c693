"""Servers of the example project in front of a cluster, for tests that go step by step."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clusters.commands import CHECKOUT
from tests.clusters.engines import Galera, Patroni
from tests.faults.soak import request_age
from tests.faults.soak.http_client import Answer, HttpClient, Statistics
from tests.faults.soak.preparation import PASSWORD
from tests.faults.soak.servers import Gunicorn

USERNAME = "ada"


class Client(HttpClient):
    """Sends requests to one server and expects an answer to each."""

    def log_in(self) -> dict[str, Any]:
        answer = self.login(USERNAME, PASSWORD)
        assert answer is not None
        assert answer.status == 200
        return answer.body

    def log_out(self, refresh: str) -> int:
        return status_of(self.post("/auth/logout/", {"refresh": refresh}))

    def status_of_call(self, access: str) -> int:
        return status_of(self.call(access))

    def status_of_refresh(self, refresh: str) -> int:
        return status_of(self.refresh(refresh))


def status_of(answer: Answer | None) -> int:
    """Return the status; 0 if there was no answer in time."""
    return answer.status if answer else 0


@dataclass
class Site:
    """One database on a cluster, with a user, and servers that connect in different ways."""

    cluster: Galera | Patroni
    name: str
    directory: Path
    stack: ExitStack
    environment: dict[str, str] = field(default_factory=dict)

    def prepare(self, database: dict[str, Any]) -> None:
        """Create the tables and the user."""
        self.environment = {
            **{key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")},
            "DJANGO_SETTINGS_MODULE": "tests.clusters.settings",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "SOAK_OVERLAP": "10",
            request_age.DIRECTORY: str(self.directory),
            "CLUSTER_DATABASE": json.dumps(database),
        }
        user = ("--noinput", "--username", USERNAME, "--email", f"{USERNAME}@example.org")
        for command in (("migrate", "--verbosity=0"), ("createsuperuser", *user)):
            subprocess.run(  # noqa: S603  (our own program)
                [sys.executable, "manage.py", *command],
                cwd=CHECKOUT,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )

    def serve(
        self, database: dict[str, Any], *, replica: dict[str, Any] | None = None, **options: Any
    ) -> Client:
        """Start a server with this database setting and keys of REFRESH_SESSIONS.

        With ``replica`` a router sends all reads there that name no database.
        """
        env = {
            **self.environment,
            "CLUSTER_DATABASE": json.dumps(database),
            "CLUSTER_OPTIONS": json.dumps(options),
            "CLUSTER_CACHE": str(self.directory / "cache"),
        }
        if replica:
            env["CLUSTER_REPLICA"] = json.dumps(replica)
        server = Gunicorn(self.directory, env, workers=1, threads=6)
        self.stack.callback(server.kill)
        server.start()
        return Client(who="client", ports=[server.port], statistics=Statistics())


@contextmanager
def open_site(cluster: Galera | Patroni, name: str = "") -> Iterator[Site]:
    """Create a database with tables and a user; stop the servers at the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clusters-")))
        name = name or f"steps_{secrets.token_hex(4)}"
        cluster.create_database(name)
        site = Site(cluster, name, directory, stack)
        site.prepare(cluster.databases(name)[0])
        yield site
