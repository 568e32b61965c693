"""Temporary databases, and a PostgreSQL server that can be restarted."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import dj_database_url

from tests.databases import SERVERS
from tests.faults.soak.http_client import HOST
from tests.faults.soak.servers import free_port

USER = "soak"
START_TIMEOUT = 30.0


@contextmanager
def temporary_database(kind: str, directory: Path) -> Iterator[str]:
    """Create an empty database, yield its URL, drop it."""
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'soak.sqlite3'}"
        return
    server = SERVERS[kind]
    if reason := server.missing():
        raise SystemExit(f"{server.name}: {reason}")
    url, name = os.environ[server.url_variable], f"soak_{secrets.token_hex(4)}"
    execute = {"postgres": _on_postgres, "mariadb": _on_mariadb}[kind]
    execute(url, f"CREATE DATABASE {name}")
    try:
        yield f"{url.rpartition('/')[0]}/{name}"
    finally:
        force = " WITH (FORCE)" if kind == "postgres" else ""
        execute(url, f"DROP DATABASE {name}{force}")


def _on_postgres(url: str, statement: str) -> None:
    import psycopg  # noqa: PLC0415  (not installed everywhere)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _on_mariadb(url: str, statement: str) -> None:
    MySQLdb = import_module("MySQLdb")  # noqa: N806  (not installed everywhere)
    server = dj_database_url.parse(url)
    connection = MySQLdb.connect(
        host=server["HOST"],
        port=int(server["PORT"]),
        user=server["USER"],
        password=server["PASSWORD"],
    )
    connection.query(statement)
    connection.close()


class Postgres:
    """A separate server in a temporary directory."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "postgres"
        self.home.mkdir(mode=0o700)
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            # The server refuses to run as root and must have access to its directory.
            directory.chmod(0o711)
            shutil.chown(self.home, "postgres", "postgres")

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self.password}@{HOST}:{self.port}/postgres"

    def create(self) -> None:
        secret = self.home / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(secret, "postgres", "postgres")
        created = self._run(
            "initdb", "--pgdata", "data", "--username", USER, "--pwfile", "password",
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        ).wait()  # fmt: skip
        if created != 0:
            raise RuntimeError((self.home / "log").read_text()[-2000:])

    def start(self) -> None:
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            # Only the server crashes, not the machine: the kernel keeps its writes.
            "fsync": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._process = self._run("postgres", "-D", "data", *options)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError((self.home / "log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self, *, crash: bool = False) -> None:
        """Close all connections; with ``crash`` the next start runs the recovery."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with suppress(Exception):
            _on_postgres(self.url, "SELECT 1")
            return True
        return False

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        root = os.geteuid() == 0
        identity: Any = {"user": "postgres", "group": "postgres", "extra_groups": []}
        with (self.home / "log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (our own commands)
                [_find(program), *arguments],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **(identity if root else {}),
            )
        return process


def _find(program: str) -> str:
    """Find a program on PATH or in Debian's directory of PostgreSQL."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    found = shutil.which(program) or (debian and str(debian[-1]))
    if not found:
        raise SystemExit(f"PostgreSQL's {program} is not installed")
    return found
