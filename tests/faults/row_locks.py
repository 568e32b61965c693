"""Row locks of a second connection, and short lock timeouts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from refresh_sessions.database import is_transient

_LOCK_ROWS = {
    # SQLite has a single lock for all writes.
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT id FROM {table} FOR UPDATE",
    "mysql": "SELECT id FROM {table} FOR UPDATE",
}

_SHORT_LOCK_TIMEOUT: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": 0.02},
    "postgresql": {"options": "-c lock_timeout=20ms"},
    # The shortest possible timeout.
    "mysql": {"init_command": "SET SESSION innodb_lock_wait_timeout = 1"},
}


@contextmanager
def short_lock_timeout() -> Iterator[None]:
    """Give all connections a lock timeout that is short enough for tests."""
    settings = connection.settings_dict
    before = settings["OPTIONS"]
    connection.close()
    settings["OPTIONS"] = {**before, **_SHORT_LOCK_TIMEOUT[connection.vendor]}
    try:
        yield
    finally:
        connection.close()
        settings["OPTIONS"] = before


@contextmanager
def locked_rows(table: str) -> Iterator[Callable[[], None]]:
    """Lock the rows of a table from another connection; yield a function that releases them."""
    other = connection.copy()
    other.ensure_connection()
    if connection.vendor != "sqlite":
        other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute(_LOCK_ROWS[connection.vendor].format(table=table))
            yield lambda: cursor.execute("ROLLBACK")
    finally:
        other.close()


class LockTimeouts:
    """Counts the statements that failed at a lock, and calls ``then`` after each."""

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
