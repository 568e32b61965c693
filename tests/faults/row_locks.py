"""A second connection that holds what a request needs, and short patience for the first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from refresh_sessions.database import is_transient

_HOLD = {
    # SQLite knows only one lock, for all that writes.
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT id FROM {table} FOR UPDATE",
    "mysql": "SELECT id FROM {table} FOR UPDATE",
}

_SHORT_PATIENCE: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": 0.02},
    "postgresql": {"options": "-c lock_timeout=20ms"},
    # The shortest that there is.
    "mysql": {"init_command": "SET SESSION innodb_lock_wait_timeout = 1"},
}


@contextmanager
def short_patience() -> Iterator[None]:
    """Wait for locks no longer than a test should, with every connection."""
    settings = connection.settings_dict
    before = settings["OPTIONS"]
    connection.close()
    settings["OPTIONS"] = {**before, **_SHORT_PATIENCE[connection.vendor]}
    try:
        yield
    finally:
        connection.close()
        settings["OPTIONS"] = before


@contextmanager
def held(table: str) -> Iterator[Callable[[], None]]:
    """Lock the rows of a table from another connection; yields what lets them go."""
    other = connection.copy()
    other.ensure_connection()
    if connection.vendor != "sqlite":
        other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute(_HOLD[connection.vendor].format(table=table))
            yield lambda: cursor.execute("ROLLBACK")
    finally:
        other.close()


class Waits:
    """Counts the statements that waited for a lock in vain, and may do something about it."""

    def __init__(self, then: Callable[[], Any] = lambda: None) -> None:
        self.count = 0
        self.then = then

    def __call__(self, execute, sql, params, many, context):
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            if is_transient(error):
                self.count += 1
                self.then()
            raise
