"""The database of the tests, and the message if its server is missing.

REFRESH_SESSIONS_TEST_DATABASE names one of them: sqlite (the default), postgres or mariadb.
REFRESH_SESSIONS_TEST_ISOLATION names an isolation level of the server, if the run needs
another than Django's default.
"""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dj_database_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database server that must run before the tests."""

    name: str
    url_variable: str
    driver: str
    options: dict[str, Any]
    test_options: dict[str, Any]
    isolation_levels: dict[str, dict[str, Any]]
    """The OPTIONS of each isolation level."""

    def missing(self) -> str | None:
        """Return why the tests cannot use the server, or None."""
        if not os.environ.get(self.url_variable):
            return f"{self.url_variable} is not set (run scripts/servers start)"
        if find_spec(self.driver) is None:
            return f"its driver {self.driver} is not installed"
        return None

    def settings(self, isolation: str | None) -> dict[str, Any]:
        database = dj_database_url.parse(os.environ[self.url_variable])
        level = self.isolation_levels[isolation] if isolation else {}
        return {
            **database,
            "OPTIONS": {**database.get("OPTIONS", {}), **self.options, **level},
            # One database per process, so that runs on one server cannot meet.
            "TEST": {"NAME": f"test_{database['NAME']}_{os.getpid()}", **self.test_options},
        }


def _postgres_level(name: str) -> dict[str, Any]:
    # Set as default of the connection. Django's "isolation_level" is sent with BEGIN, so it does
    # not apply to statements in autocommit, which is how refreshes run.
    escaped = name.replace(" ", r"\ ")
    return {"options": f"-c default_transaction_isolation={escaped}"}


def _mariadb_level(name: str, *, snapshot_isolation: bool = False) -> dict[str, Any]:
    # Always set: the default differs between releases of the server.
    switch = "ON" if snapshot_isolation else "OFF"
    return {
        "isolation_level": name,
        "init_command": f"SET SESSION innodb_snapshot_isolation = {switch}",
    }


SERVERS = {
    "postgres": Server(
        name="PostgreSQL",
        url_variable="REFRESH_SESSIONS_POSTGRES_URL",
        driver="psycopg",
        options={},
        test_options={},
        isolation_levels={
            "read-committed": _postgres_level("read committed"),
            "repeatable-read": _postgres_level("repeatable read"),
            "serializable": _postgres_level("serializable"),
        },
    ),
    "mariadb": Server(
        name="MariaDB",
        url_variable="REFRESH_SESSIONS_MARIADB_URL",
        driver="MySQLdb",
        options={"charset": "utf8mb4"},
        test_options={"CHARSET": "utf8mb4"},
        isolation_levels={
            "read-committed": _mariadb_level("read committed"),
            "repeatable-read": _mariadb_level("repeatable read"),
            "snapshot": _mariadb_level("repeatable read", snapshot_isolation=True),
        },
    ),
}

_chosen = os.environ.get("REFRESH_SESSIONS_TEST_DATABASE", "sqlite")
if _chosen not in {"sqlite", *SERVERS}:
    raise ValueError(f"REFRESH_SESSIONS_TEST_DATABASE is {_chosen!r}, not a database we know")

ISOLATION = os.environ.get("REFRESH_SESSIONS_TEST_ISOLATION") or None
if ISOLATION and (_chosen not in SERVERS or ISOLATION not in SERVERS[_chosen].isolation_levels):
    raise ValueError(f"REFRESH_SESSIONS_TEST_ISOLATION: {_chosen} has no level {ISOLATION!r}")


def settings() -> dict[str, Any]:
    """Return the settings of the chosen database.

    SQLite replaces a missing server, so that Django can load and ``left_out`` can report.
    """
    server = SERVERS.get(_chosen)
    return _sqlite() if server is None or server.missing() else server.settings(ISOLATION)


def left_out() -> str | None:
    """Return one line about why the chosen database cannot be tested, or None."""
    server = SERVERS.get(_chosen)
    reason = server and server.missing()
    return f"{server.name}: left out, {reason}" if server and reason else None


def _sqlite() -> dict[str, Any]:
    # A file, which the threads of a test can share, unlike a database in memory. Each process has
    # its own file, so parallel runs cannot meet.
    name = f"refresh_sessions-{os.getpid()}-{secrets.token_hex(4)}"
    directory = Path(tempfile.gettempdir())
    atexit.register(_remove, directory, name)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": directory / f"{name}.sqlite3",
        "OPTIONS": {
            # The options of a project in production, without the sync to disk.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            "timeout": 20,
        },
        "TEST": {"NAME": directory / f"{name}-test.sqlite3"},
    }


def _remove(directory: Path, name: str) -> None:
    for file in directory.glob(f"{name}*"):
        file.unlink(missing_ok=True)
