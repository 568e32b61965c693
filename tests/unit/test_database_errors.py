"""Rules for database errors, without a driver: only the cause of Django's error counts."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.db.transaction import TransactionManagementError

from refresh_sessions import database

CONFLICT = 1213
OUTSIDE_PRIMARY_COMPONENT = 1047
COMMIT_WITHOUT_CLUSTER = 1180
"""A Galera node answers it to a COMMIT that the other nodes may have received."""

READ_ONLY = 1290
UNKNOWN_TABLE = 1146
DUPLICATE = 1062


def mysql_error(number):
    return caused_by(Exception(number, "message of the server"))


def postgres_error(state):
    cause = Exception("message of the server")
    cause.sqlstate = state
    return caused_by(cause)


def caused_by(cause):
    error = OperationalError(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "transient", "unknown"),
    [
        (mysql_error(CONFLICT), True, False),
        (mysql_error(OUTSIDE_PRIMARY_COMPONENT), True, False),
        (mysql_error(COMMIT_WITHOUT_CLUSTER), True, True),
        (mysql_error(READ_ONLY), True, False),
        (mysql_error(UNKNOWN_TABLE), False, False),
        # PgBouncer and HAProxy: a protocol violation, and a connection closed without an error.
        (postgres_error("08P01"), True, True),
        (postgres_error(None), True, True),
        (postgres_error("57P01"), True, True),
        (postgres_error("25006"), True, False),
        (postgres_error("42P01"), False, False),
    ],
)
def test_error_of_cluster_is_classified(error, transient, unknown):
    assert database.is_transient(error) is transient
    assert database.is_connection_lost(error) is unknown


@pytest.mark.parametrize(
    ("error", "closed"),
    [
        (mysql_error(OUTSIDE_PRIMARY_COMPONENT), True),
        (mysql_error(COMMIT_WITHOUT_CLUSTER), True),
        (mysql_error(READ_ONLY), True),
        (postgres_error("25006"), True),
        (mysql_error(CONFLICT), False),
        (postgres_error("40001"), False),
    ],
)
def test_connection_to_node_that_refuses_statements_is_closed(monkeypatch, error, closed):
    """Behind a load balancer the next connection reaches another node."""
    actions = []
    connection = SimpleNamespace(
        in_atomic_block=False,
        close=lambda: actions.append("close"),
        close_if_unusable_or_obsolete=lambda: None,
    )
    monkeypatch.setattr(database, "connections", {"default": connection})
    database.close_broken_connection(error, "default")
    assert actions == ["close"] * closed


@pytest.fixture
def idle(monkeypatch):
    """A connection without a transaction, and retries without delays."""
    connection = SimpleNamespace(in_atomic_block=False)
    monkeypatch.setattr(database, "connections", {"default": connection})
    monkeypatch.setattr(database, "_back_off", lambda number: None)


def attempt_that_fails(times):
    """Django raises this error at the statement after a failed rollback to a savepoint.

    Its cause may be an older error of the same connection.
    """
    made = []

    def attempt():
        made.append(1)
        if len(made) <= times:
            raise TransactionManagementError from mysql_error(DUPLICATE)
        return len(made)

    return attempt


@pytest.mark.usefixtures("idle")
def test_hidden_failure_of_savepoint_rollback_is_retried():
    assert database.retry_transient("default", attempt_that_fails(1)) == 2


@pytest.mark.usefixtures("idle")
def test_broken_transaction_in_every_attempt_is_reported():
    """A fault of the caller, who caught an error of a statement and went on."""
    with pytest.raises(TransactionManagementError):
        database.retry_transient("default", attempt_that_fails(database.RETRY_ATTEMPTS))
