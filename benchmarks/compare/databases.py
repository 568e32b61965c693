"""Databases for one run: one per subject, dropped at the end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

DATABASE_URLS: Final = ("DATABASE_URL", "REFRESH_SESSIONS_POSTGRES_URL")
"""Environment variables that name the server."""

_SQLITE_OPTIONS: Final = {
    # What the README recommends for production.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "timeout": 20,
}


@contextmanager
def temporary_database(vendor: str, name: str) -> Iterator[dict[str, Any]]:
    """Create a database; yield its entry for ``DATABASES``; drop it."""
    unique = f"compare_{name}_{os.getpid()}".replace("-", "_")
    create = _postgresql if vendor == "postgresql" else _sqlite
    with create(unique) as database:
        # Connections stay open, as those of a server under load.
        yield {**database, "CONN_MAX_AGE": None}


@contextmanager
def _sqlite(name: str) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix=f"{name}_") as directory:
        yield {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(directory, "compare.sqlite3")),
            "OPTIONS": _SQLITE_OPTIONS,
        }


@contextmanager
def _postgresql(name: str) -> Iterator[dict[str, Any]]:
    import dj_database_url
    import psycopg

    url = server_url()
    if url is None:
        raise LookupError(f"Set {' or '.join(DATABASE_URLS)} to a PostgreSQL server.")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield {**dj_database_url.parse(url), "NAME": name}
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def server_url() -> str | None:
    """The URL of the PostgreSQL server, or None."""
    for variable in DATABASE_URLS:
        url = os.environ.get(variable, "")
        if url.startswith(("postgres://", "postgresql://")):
            return url
    return None
