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

from refresh_sessions.exceptions import DatabaseBusyError, OuterTransactionError
from refresh_sessions.instants import InstantField

logger = logging.getLogger("refresh_sessions")

RETRY_ATTEMPTS = 8
"""How often a change is tried before the answer is "busy"."""

RETRY_TIMEOUT = 5.0
"""Seconds after which no new try begins: with long lock timeouts few tries take minutes."""

MAX_BACKOFF = 0.25
"""Seconds; the pause before each new attempt is drawn at random below a bound that doubles."""

_Result = TypeVar("_Result")
_Compiled = tuple[str, tuple[Any, ...]]

# Classes of SQLSTATE that say nothing about the statement itself: connection, rollback
# (serialization, deadlock), resources, lock not available, operator intervention. And a write on
# what has become a standby, as the old primary does in a failover.
_STANDBY_SQLSTATE = "25006"
_TRANSIENT_SQLSTATES = ("08", _STANDBY_SQLSTATE, "40", "53", "55", "57")

# MySQL and MariaDB: changed since last read, too many connections, shutting down, lock wait
# timeout, deadlock, read-only as a replica, connection killed, cannot connect, gone away, lost,
# lock not available, disconnected for inactivity.
_TRANSIENT_MYSQL = frozenset(
    {
        1020,
        1040,
        1053,
        1205,
        1213,
        1290,
        1792,
        1836,
        1927,
        2002,
        2003,
        2006,
        2013,
        2055,
        3572,
        4031,
    }
)

_LOST_MYSQL = frozenset({1053, 1927, 2006, 2013, 2055, 4031})

_STANDBY_MYSQL = frozenset({1290, 1792, 1836})

# The primary codes SQLITE_BUSY and SQLITE_LOCKED; the extended ones carry them in the low byte.
_TRANSIENT_SQLITE = frozenset({5, 6})


class ConcurrentUpdateError(Exception):
    """Another request changed the row between this one's SELECT and UPDATE."""


class DatabaseNow(Now):
    """The present instant by the database server's clock, to the microsecond where it can.

    In UTC, as ``InstantField`` stores instants. Django's ``Now`` yields the server's local time on
    MySQL: on a server that does not run in UTC that is hours apart.
    """

    output_field = InstantField()

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        return "UTC_TIMESTAMP(6)", ()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", ()


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


def retry_transient(using: str, attempt: Callable[[], _Result]) -> _Result:
    """Call ``attempt`` until it neither loses a race nor meets a passing database error.

    Inside a transaction of the caller's there is one try, and its error passes through: that
    transaction is lost, and only its owner can begin it again.

    Raises:
        DatabaseBusyError: every try failed in passing ways.

    """
    if in_outer_transaction(using):
        return attempt()
    failure: Exception | None = None
    started = time.monotonic()
    for number in range(RETRY_ATTEMPTS):
        if number:
            if time.monotonic() - started > RETRY_TIMEOUT:
                break
            _back_off(number)
        try:
            return attempt()
        except ConcurrentUpdateError as error:
            failure = error
        except Error as error:
            if not is_transient(error):
                raise
            failure = error
            close_broken_connection(error, using)
    logger.warning("Gave up after %.1f s: %s", time.monotonic() - started, failure)
    raise DatabaseBusyError from failure


def close_broken_connection(error: Error, using: str) -> None:
    """Have the next statement open a new connection, if the error has spoilt this one."""
    connection = connections[using]
    # Inside a transaction, here only a test's, Django would close a connection that still works.
    if connection.in_atomic_block:
        return
    if _is_standby(error):
        # It works, but leads to where nothing can be written; a new one may find the primary.
        connection.close()
    connection.close_if_unusable_or_obsolete()


def _is_standby(error: Error) -> bool:
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    number = cause.args[0] if cause and cause.args else None
    return state == _STANDBY_SQLSTATE or number in _STANDBY_MYSQL


def commit_once(
    using: str, change: Callable[[], _Result], *, is_committed: Callable[[_Result], bool]
) -> _Result:
    """Make a change in a transaction of its own, in as many tries as it takes, and once.

    A connection can break between COMMIT and the answer to it. What the change was is then
    looked for before it is made again.

    Args:
        using: the alias of the database.
        change: makes the change.
        is_committed: whether what ``change`` returned is in the database.

    Raises:
        DatabaseBusyError: every try failed in passing ways.

    """
    unsure: list[_Result] = []

    def attempt() -> _Result:
        for result in unsure:
            if is_committed(result):
                return result
        made: list[_Result] = []
        try:
            with transaction.atomic(using=using):
                made.append(change())
        except Error as error:
            # What the server refused to commit is not there, whatever another made of it since.
            if is_connection_lost(error):
                unsure.extend(made)
            raise
        return made[0]

    return retry_transient(using, attempt)


def _back_off(number: int) -> None:
    # Jitter spreads those who lost the same race; it needs no cryptographic randomness.
    time.sleep(random.uniform(0, min(0.005 * 2**number, MAX_BACKOFF)))  # noqa: S311


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
