"""Rows to prune, and errors during a prune."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, connections
from django.db.models.signals import post_delete

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import TokenPair, refresh_session
from tests.factories import UserFactory

HARD = timedelta(days=7)
NOW = timedelta(0)
MOMENT = timedelta(microseconds=1)


def renew(pair) -> TokenPair:
    """Refresh as a client that received its last token."""
    return refresh_session(pair.refresh)


def exists(pair) -> bool:
    return DeviceSession.objects.filter(pk=pair.session.pk).exists()


def long_expired(number, user=None) -> list[DeviceSession]:
    """Create sessions past their hard expiry by a hundred days or more, the last the oldest."""
    user = user or UserFactory()
    now = datetime.now(UTC)
    sessions = DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user,
            created_at=now - timedelta(days=200, seconds=age),
            expires_at=now - timedelta(days=100, seconds=age),
            auth_hash="0" * 64,
        )
        for age in range(number)
    )
    TokenFamily.objects.bulk_create(
        TokenFamily(session=session, secret_digest="0" * 64, idle_expires_at=session.expires_at)
        for session in sessions
    )
    SessionEvent.objects.bulk_create(
        SessionEvent(session=session, kind="signed_in", created_at=session.created_at)
        for session in sessions
        for _ in range(2)
    )
    return sessions


def together(*calls):
    """Call each function in its own thread with its own connection, all at once."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=30)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@contextmanager
def failing(times):
    """Let the database report a deadlock at the next deletions of sessions."""
    failures: list[dict] = []

    def fail(**event):
        if len(failures) < times:
            failures.append(event)
            # Django wraps the driver's error as the cause.
            raise OperationalError("Deadlock found") from Exception(1213, "Deadlock found")

    post_delete.connect(fail, sender=DeviceSession)
    try:
        yield failures
    finally:
        post_delete.disconnect(fail, sender=DeviceSession)


@contextmanager
def failing_statements(verb, times):
    """Let the database report a deadlock at the next statements with this verb."""
    failures: list[str] = []

    def fail(execute, sql, params, many, context):
        if sql.split()[0] == verb and len(failures) < times:
            failures.append(sql)
            raise OperationalError("Deadlock found") from Exception(1213, "Deadlock found")
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(fail):
        yield failures


@contextmanager
def cascading(sender=None):
    """Connect a receiver, which makes pruning use Django's cascade."""

    def receive(**_):
        pass

    post_delete.connect(receive, sender=sender)
    try:
        yield
    finally:
        post_delete.disconnect(receive, sender=sender)


def statements(queries) -> list[str]:
    """Return the verbs of the statements, without transaction control."""
    verbs = [query["sql"].split()[0] for query in queries]
    return [verb for verb in verbs if verb in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}]
