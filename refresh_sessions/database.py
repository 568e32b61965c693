"""The database's clock, its passing troubles, and transactions that are not ours."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import Error, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from refresh_sessions.exceptions import DatabaseBusyError, OuterTransactionError

logger = logging.getLogger("refresh_sessions")

ATTEMPTS = 8
"""How often a change is tried before the answer is "busy"."""

LONGEST_PAUSE = 0.25
"""Seconds; the pause before each new attempt is drawn at random below a bound that doubles."""

_Result = TypeVar("_Result")
_Compiled = tuple[str, tuple[Any, ...]]

# Classes of SQLSTATE that say nothing about the statement itself: connection, rollback
# (serialization, deadlock), resources, lock not available, operator intervention.
_TRANSIENT_SQLSTATES = ("08", "40", "53", "55", "57")

# MySQL and MariaDB: changed since last read, too many connections, shutting down, lock wait
# timeout, deadlock, connection killed, cannot connect, gone away, lost, lock not available.
_TRANSIENT_MYSQL = frozenset(
    {1020, 1040, 1053, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2055, 3572}
)

_LOST_MYSQL = frozenset({1053, 1927, 2006, 2013, 2055})

# The primary codes SQLITE_BUSY and SQLITE_LOCKED; the extended ones carry them in the low byte.
_TRANSIENT_SQLITE = frozenset({5, 6})


class LostRaceError(Exception):
    """Another request changed the row between this one's SELECT and UPDATE."""


class DatabaseNow(Now):
    """The present instant by the database server's clock, to the microsecond where it can.

    Django's ``Now`` yields the server's local time on MySQL, while datetimes are stored in
    the connection's time zone: on a server that does not run in UTC they are hours apart.
    """

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        shift = _utc_offset_seconds(connection)
        return f"(UTC_TIMESTAMP(6) + INTERVAL {shift} SECOND)", ()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        shift = _utc_offset_seconds(connection)
        return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '{shift} seconds')", ()


def _utc_offset_seconds(connection: BaseDatabaseWrapper) -> int:
    offset = timezone.now().astimezone(connection.timezone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def is_transient(error: Error) -> bool:
    """Whether the same statement may well succeed when it is simply tried again."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT_SQLITE
    if hasattr(cause, "sqlstate") or hasattr(cause, "pgcode"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        # Without a state the server never got to answer: the connection itself failed.
        return state.startswith(_TRANSIENT_SQLSTATES) if state else True
    return bool(cause and cause.args and cause.args[0] in _TRANSIENT_MYSQL)


def is_connection_lost(error: Error) -> bool:
    """Whether the connection broke, so that nobody knows if the statement was carried out."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__
    if hasattr(cause, "sqlstate") or hasattr(cause, "pgcode"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return not state or state.startswith(("08", "57P"))
    return bool(cause and cause.args and cause.args[0] in _LOST_MYSQL)


def retry_when_busy(using: str, attempt: Callable[[], _Result]) -> _Result:
    """Call ``attempt`` until it neither loses a race nor meets a passing database error.

    Inside a transaction of the caller's there is one try, and its error passes through: that
    transaction is lost, and only its owner can begin it again.

    Raises:
        DatabaseBusyError: every try failed in passing ways.

    """
    if in_outer_transaction(using):
        return attempt()
    failure: Exception | None = None
    for number in range(ATTEMPTS):
        if number:
            _pause(number)
        try:
            return attempt()
        except LostRaceError as error:
            failure = error
        except Error as error:
            if not is_transient(error):
                raise
            failure = error
            _mend(connections[using])
    logger.warning("Gave up after %d tries: %s", ATTEMPTS, failure)
    raise DatabaseBusyError from failure


def _mend(connection: BaseDatabaseWrapper) -> None:
    # Inside a transaction, here only a test's, Django would close a connection that still works.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _pause(number: int) -> None:
    # Jitter spreads those who lost the same race; it needs no cryptographic randomness.
    time.sleep(random.uniform(0, min(0.005 * 2**number, LONGEST_PAUSE)))  # noqa: S311


def in_outer_transaction(using: str) -> bool:
    """Whether the caller has a transaction open.

    The ones that Django's ``TestCase`` wraps around a test do not count, just as they do not
    count for ``atomic(durable=True)``.
    """
    connection = connections[using]
    return connection.in_atomic_block and not all(
        getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
    )


def forbid_outer_transaction(using: str) -> None:
    """Raise ``OuterTransactionError`` where a failure would roll our work back."""
    if in_outer_transaction(using):
        raise OuterTransactionError(OuterTransactionError.__doc__)


def after_commit(using: str, callback: Callable[[], object]) -> None:
    """Call ``callback`` once the caller's transaction is committed, or now if there is none."""
    if in_outer_transaction(using):
        transaction.on_commit(callback, using=using, robust=True)
    else:
        callback()
