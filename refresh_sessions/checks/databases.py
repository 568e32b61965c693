"""Whether the databases can store what people call their devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (the name Django gave it)
from django.db import DatabaseError, connections, router

from refresh_sessions.charsets import WHOLE, get_charsets
from refresh_sessions.models import DeviceSession


def check_configured_charsets() -> Iterator[CheckMessage]:
    """What ``DATABASES`` says of connections to MySQL and MariaDB; no server is asked."""
    for alias in connections:
        connection = connections[alias]
        options: Any = connection.settings_dict.get("OPTIONS") or {}
        charset = options.get("charset", WHOLE)
        if connection.vendor == "mysql" and charset != WHOLE and _has_sessions(alias):
            yield _warning(f"Connections to the database {alias!r}", charset)


def check_stored_charsets(databases: Iterable[str] | None) -> Iterator[CheckMessage]:
    """What the servers say of the tables; for those databases that Django lets a check ask."""
    table = DeviceSession._meta.db_table
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "mysql" or not _has_sessions(alias):
            continue
        try:
            found = get_charsets(connection, table=table, column="name")
        except DatabaseError:
            continue  # Django says that it cannot connect.
        for charset in sorted(found - {WHOLE}):
            yield _warning(f"Table {table!r} of the database {alias!r}", charset)


def _has_sessions(alias: str) -> bool:
    return bool(router.allow_migrate_model(alias, DeviceSession))


def _warning(what: str, charset: str) -> CheckMessage:
    return Warning(
        f"{what}: the character set is {charset!r}, which lacks emoji and many characters. In "
        "names of devices they are replaced.",
        hint=f"Use {WHOLE!r}: in the OPTIONS of the database, and by ALTER TABLE ... CONVERT TO "
        f"CHARACTER SET {WHOLE}.",
        id="refresh_sessions.W025",
    )
