"""Real locks: rows that another transaction holds, and two that wait for each other."""

from contextlib import suppress
from functools import partial
from threading import Barrier

import pytest
from django.db import OperationalError, connection, transaction

from refresh_sessions import database
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import revoke_session, revoke_sessions
from tests.faults.holding import Waits, held, short_patience
from tests.faults.scenarios import SCENARIOS, Actor
from tests.races.runner import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_pauses")]

FAMILY, SESSION = "refresh_sessions_tokenfamily", "refresh_sessions_devicesession"
LOCKED = [("refresh", FAMILY), ("logout", SESSION), ("revoke others", SESSION)]


@pytest.mark.parametrize(("deed", "table"), LOCKED)
def test_held_for_a_while(deed, table):
    person = Actor()
    with short_patience(), held(table) as let_go:
        waits = Waits(then=let_go)
        with connection.execute_wrapper(waits):
            answer = SCENARIOS[deed](person)
        assert waits.count == 1
        assert answer.status_code == SCENARIOS[deed].status
    SCENARIOS[deed].verify(person, answer)


@pytest.mark.parametrize(("deed", "table"), LOCKED)
def test_held_throughout(deed, table, monkeypatch):
    monkeypatch.setattr(database, "RETRY_ATTEMPTS", 2)
    person, waits = Actor(), Waits()
    with connection.execute_wrapper(waits), short_patience(), held(table):
        answer = SCENARIOS[deed](person)
    assert answer.status_code == 503
    assert waits.count >= 2
    SCENARIOS[deed].verify(person, answer)


def test_patience_ends_before_the_tries_do(monkeypatch):
    """A lock timeout of a minute must not become eight of them."""
    monkeypatch.setattr(database, "RETRY_TIMEOUT", 0)
    person, waits = Actor(), Waits()
    with short_patience(), held(FAMILY), connection.execute_wrapper(waits):
        assert SCENARIOS["refresh"](person).status_code == 503
    assert waits.count == 1


@pytest.mark.parametrize("deed", ["look", "use"])
def test_reading_waits_for_nobody(deed):
    person, waits = Actor(), Waits()
    assert SCENARIOS[deed](person).status_code == 200
    with short_patience(), held(FAMILY), connection.execute_wrapper(waits):
        assert SCENARIOS[deed](person).status_code == 200
    assert waits.count == 0


@pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite one transaction writes")
class TestDeadlock:
    def test_of_two_transactions_of_a_project(self):
        """They end sessions in opposite orders: one gets through, the other may begin again."""
        person = Actor()
        first, second = person.pair.session, person.other.session
        both_have_one = Barrier(2)

        def end(*sessions):
            with transaction.atomic():
                revoke_session(sessions[0], reason="project")
                with suppress(OperationalError):
                    both_have_one.wait(timeout=30)
                return revoke_session(sessions[1], reason="project")

        def try_to_end(*sessions):
            try:
                return end(*sessions)
            except OperationalError as error:
                return "deadlock" if database.is_transient(error) else error

        ends = [partial(try_to_end, first, second), partial(try_to_end, second, first)]
        assert sorted(map(str, at_once(ends))) == ["True", "deadlock"]
        assert person.live == set()
        assert SessionEvent.objects.filter(kind="revoked").count() == 2

    def test_cannot_come_of_two_calls_that_end_the_same_sessions(self):
        """Each takes them in one order, whatever the order of the queryset."""
        people = [Actor() for _ in range(6)]
        sessions = DeviceSession.objects.filter(user__in=[person.user for person in people])
        orders = [sessions.order_by("pk"), sessions.order_by("-pk")] * 2
        waits = Waits()

        def end(ordered):
            with connection.execute_wrapper(waits):
                return revoke_sessions(ordered, reason="project")

        assert sum(at_once([partial(end, ordered) for ordered in orders])) == 12
        assert waits.count == 0
        assert SessionEvent.objects.filter(kind="revoked").count() == 12
