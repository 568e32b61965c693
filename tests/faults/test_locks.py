"""Real locks: rows locked by another transaction, and deadlocks."""

from contextlib import suppress
from functools import partial
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction

from refresh_sessions import database
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import revoke_session, revoke_sessions
from tests.faults.row_locks import LockTimeouts, locked_rows, short_lock_timeout
from tests.faults.scenarios import SCENARIOS, Actor
from tests.races.runner import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_pauses")]

FAMILY, SESSION = "refresh_sessions_tokenfamily", "refresh_sessions_devicesession"
LOCKED = [("refresh", FAMILY), ("logout", SESSION), ("revoke others", SESSION)]


@pytest.mark.parametrize(("name", "table"), LOCKED)
def test_request_rows_locked_briefly_succeeds(name, table):
    actor = Actor()
    with short_lock_timeout(), locked_rows(table) as release:
        timeouts = LockTimeouts(then=release)
        with connection.execute_wrapper(timeouts):
            answer = SCENARIOS[name](actor)
        assert timeouts.count == 1
        assert answer.status_code == SCENARIOS[name].status
    SCENARIOS[name].verify(actor, answer)


@pytest.mark.parametrize(("name", "table"), LOCKED)
def test_request_rows_locked_throughout_answers_503(name, table, monkeypatch):
    monkeypatch.setattr(database, "RETRY_ATTEMPTS", 2)
    actor, timeouts = Actor(), LockTimeouts()
    with connection.execute_wrapper(timeouts), short_lock_timeout(), locked_rows(table):
        answer = SCENARIOS[name](actor)
    assert answer.status_code == 503
    assert timeouts.count >= 2
    SCENARIOS[name].verify(actor, answer)


def test_refresh_retry_timeout_stops_before_attempts_are_used(monkeypatch):
    """A lock timeout of a minute must not be multiplied by eight attempts."""
    monkeypatch.setattr(database, "RETRY_TIMEOUT", 0)
    actor, timeouts = Actor(), LockTimeouts()
    with short_lock_timeout(), locked_rows(FAMILY), connection.execute_wrapper(timeouts):
        assert SCENARIOS["refresh"](actor).status_code == 503
    assert timeouts.count == 1


@pytest.mark.parametrize("name", ["list sessions", "call view"])
def test_read_only_request_needs_no_lock(name):
    actor, timeouts = Actor(), LockTimeouts()
    assert SCENARIOS[name](actor).status_code == 200
    with short_lock_timeout(), locked_rows(FAMILY), connection.execute_wrapper(timeouts):
        assert SCENARIOS[name](actor).status_code == 200
    assert timeouts.count == 0


@pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite one transaction writes")
class TestDeadlock:
    def test_deadlock_of_project_transactions_is_transient(self):
        """They revoke sessions in opposite orders: one succeeds, the other may be retried."""
        actor = Actor()
        first, second = actor.pair.session, actor.other.session
        both_have_one = Barrier(2)

        def revoke_both(*sessions):
            with transaction.atomic():
                revoke_session(sessions[0], reason="project")
                with suppress(OperationalError):
                    both_have_one.wait(timeout=30)
                return revoke_session(sessions[1], reason="project")

        def try_to_revoke(*sessions):
            try:
                return revoke_both(*sessions)
            except OperationalError as error:
                return "deadlock" if database.is_transient(error) else error

        ends = [partial(try_to_revoke, first, second), partial(try_to_revoke, second, first)]
        assert sorted(map(str, at_once(ends))) == ["True", "deadlock"]
        assert actor.live == set()
        assert SessionEvent.objects.filter(kind="revoked").count() == 2

    def test_concurrent_revocations_of_same_sessions_never_deadlock(self):
        """Both lock the sessions in one order, whatever the order of the queryset."""
        actors = [Actor() for _ in range(6)]
        sessions = DeviceSession.objects.filter(user__in=[actor.user for actor in actors])
        orders = [sessions.order_by("pk"), sessions.order_by("-pk")] * 2
        timeouts = LockTimeouts()

        def revoke(ordered):
            with connection.execute_wrapper(timeouts):
                return revoke_sessions(ordered, reason="project")

        assert sum(at_once([partial(revoke, ordered) for ordered in orders])) == 12
        assert timeouts.count == 0
        assert SessionEvent.objects.filter(kind="revoked").count() == 12
