"""Checks of character sets: whether the databases can store all names of devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (Django's name)
from django.db import DatabaseError, connections, router

from refresh_sessions.charsets import WHOLE, get_charsets
from refresh_sessions.models import DeviceSession


def check_configured_charsets() -> Iterator[CheckMessage]:
    """Check the connection charset in ``DATABASES`` for MySQL and MariaDB, without a query."""
    for alias in connections:
        connection = connections[alias]
        options: Any = connection.settings_dict.get("OPTIONS") or {}
        charset = options.get("charset", WHOLE)
        if connection.vendor == "mysql" and charset != WHOLE and _has_sessions(alias):
            yield _warning(f"Connections to the database {alias!r}", charset)


def check_stored_charsets(databases: Iterable[str] | None) -> Iterator[CheckMessage]:
    """Check the charset of the session table in the given databases, with a query."""
    table = DeviceSession._meta.db_table
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "mysql" or not _has_sessions(alias):
            continue
        try:
            found = get_charsets(connection, table=table, column="name")
        except DatabaseError:
            continue  # Django reports a failed connection.
        for charset in sorted(found - {WHOLE}):
            yield _warning(f"Table {table!r} of the database {alias!r}", charset)


def _has_sessions(alias: str) -> bool:
    return bool(router.allow_migrate_model(alias, DeviceSession))


def _warning(subject: str, charset: str) -> CheckMessage:
    return Warning(
        f"{subject}: the character set is {charset!r}, which lacks emoji and many other "
        "characters. Names of devices lose these characters.",
        hint=f"Use {WHOLE!r}: in the OPTIONS of the database, and with ALTER TABLE ... CONVERT TO "
        f"CHARACTER SET {WHOLE}.",
        id="refresh_sessions.W025",
    )
