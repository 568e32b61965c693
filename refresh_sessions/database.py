"""Database access: server clock, retry of transient errors, detection of outer transactions."""

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
"""Attempts before ``DatabaseBusyError`` is raised."""

RETRY_TIMEOUT = 5.0
"""Seconds after which no further attempt starts: lock timeouts can make each attempt slow."""

MAX_BACKOFF = 0.25
"""Seconds; upper bound of the random exponential backoff between attempts."""

_Result = TypeVar("_Result")
_Compiled = tuple[str, tuple[Any, ...]]

# SQLSTATE classes that do not concern the statement itself: connection, rollback (serialization,
# deadlock), resources, lock not available, operator intervention. 25006 is a write on a standby,
# which the old primary becomes in a failover.
_STANDBY_SQLSTATE = "25006"
_TRANSIENT_SQLSTATES = ("08", _STANDBY_SQLSTATE, "40", "53", "55", "57")

# Error numbers of MySQL and MariaDB: changed since last read, too many connections, node outside
# the primary component of Galera, shutting down, error during COMMIT, lock wait timeout, deadlock,
# read-only replica, connection killed, cannot connect, gone away, lost, lock not available,
# disconnected for inactivity.
_TRANSIENT_MYSQL = frozenset(
    {
        1020,
        1040,
        1047,
        1053,
        1180,
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

# The effect of the statement is unknown. 1180 is a COMMIT of a Galera node that has lost the other
# nodes: they may have received the transaction.
_LOST_MYSQL = frozenset({1053, 1180, 1927, 2006, 2013, 2055, 4031})

# The node refuses statements that another node may execute.
_STANDBY_MYSQL = frozenset({1047, 1180, 1290, 1792, 1836})

# The primary codes SQLITE_BUSY and SQLITE_LOCKED, which are the low byte of the extended codes.
_TRANSIENT_SQLITE = frozenset({5, 6})


class ConcurrentUpdateError(Exception):
    """Another request changed the row between the SELECT and the UPDATE of this request."""


class DatabaseNow(Now):
    """The current time of the database server in UTC, with microseconds where it has them.

    ``InstantField`` stores instants in UTC. Django's ``Now`` yields the server's local time on
    MySQL, which differs from UTC by hours on servers with another time zone.
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
    """Whether the same statement may succeed when it is repeated."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT_SQLITE
    if hasattr(cause, "sqlstate") or hasattr(cause, "pgcode"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        # An error without a state did not come from the server: the connection failed.
        return state.startswith(_TRANSIENT_SQLSTATES) if state else True
    return bool(cause and cause.args and cause.args[0] in _TRANSIENT_MYSQL)


def is_connection_lost(error: Error) -> bool:
    """Whether the server or its cluster was lost, so that a statement's effect is unknown."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__
    if hasattr(cause, "sqlstate") or hasattr(cause, "pgcode"):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return not state or state.startswith(("08", "57P"))
    return bool(cause and cause.args and cause.args[0] in _LOST_MYSQL)


_KEEPS_CONNECTION = (ConcurrentUpdateError, transaction.TransactionManagementError)


def retry_transient(using: str, attempt: Callable[[], _Result]) -> _Result:
    """Call ``attempt`` again after concurrent updates and transient database errors.

    Inside an outer transaction there is one attempt, whose error propagates: only the owner of
    that transaction can restart it.

    Args:
        using: the alias of the database.
        attempt: the operation; it may run several times.

    Returns:
        The result of ``attempt``.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

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
        except (ConcurrentUpdateError, Error) as error:
            if not _may_succeed(error, is_last=number == RETRY_ATTEMPTS - 1):
                raise
            failure = error
            if not isinstance(error, _KEEPS_CONNECTION):
                close_broken_connection(error, using)
    logger.warning("Gave up after %.1f s: %s", time.monotonic() - started, failure)
    raise DatabaseBusyError from failure


def _may_succeed(error: ConcurrentUpdateError | Error, *, is_last: bool) -> bool:
    """Whether another attempt may succeed; an error in every attempt is a fault of the caller."""
    if isinstance(error, transaction.TransactionManagementError):
        # Django hides that a rollback to a savepoint failed, and refuses the next statement.
        # Galera refuses any statement of a transaction in conflict, also this rollback.
        return not is_last
    return isinstance(error, ConcurrentUpdateError) or is_transient(error)


def close_broken_connection(error: Error, using: str) -> None:
    """Close the connection if the error made it unusable; the next statement opens a new one."""
    connection = connections[using]
    # Inside the transaction of a test, Django would close a usable connection.
    if connection.in_atomic_block:
        return
    if _is_standby(error):
        # The connection works but its node does not; a new one may reach another node.
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
    """Run a change in its own transaction: retry transient errors, never apply it twice.

    A connection can be lost between COMMIT and its acknowledgement. The next attempt then checks
    whether the change was committed.

    Args:
        using: the alias of the database.
        change: the operation that runs inside the transaction.
        is_committed: whether the database contains the result of ``change``.

    Returns:
        The result of ``change``.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    unconfirmed: list[_Result] = []

    def attempt() -> _Result:
        for result in unconfirmed:
            if is_committed(result):
                return result
        results: list[_Result] = []
        try:
            with transaction.atomic(using=using):
                results.append(change())
        except Error as error:
            # A COMMIT that the server refused has no effect: there is nothing to check.
            if is_connection_lost(error):
                unconfirmed.extend(results)
            raise
        return results[0]

    return retry_transient(using, attempt)


def _back_off(number: int) -> None:
    # Jitter separates concurrent requests; it needs no cryptographic randomness.
    time.sleep(random.uniform(0, min(0.005 * 2**number, MAX_BACKOFF)))  # noqa: S311


def in_outer_transaction(using: str) -> bool:
    """Whether the caller has a transaction open.

    Ignores the transactions of Django's ``TestCase``, as ``atomic(durable=True)`` does.
    """
    connection = connections[using]
    return connection.in_atomic_block and not all(
        getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
    )


def forbid_outer_transaction(using: str) -> None:
    """Raise ``OuterTransactionError`` inside a transaction of the caller."""
    if in_outer_transaction(using):
        raise OuterTransactionError(OuterTransactionError.__doc__)


def after_commit(using: str, callback: Callable[[], object]) -> None:
    """Call ``callback`` after the commit of the caller's transaction, or now without one."""
    if in_outer_transaction(using):
        transaction.on_commit(callback, using=using, robust=True)
    else:
        callback()
