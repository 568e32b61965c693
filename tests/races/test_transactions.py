"""Verbs inside transactions that are not theirs: what they promise holds, or they fail loudly."""

from functools import partial
from threading import Barrier

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.database import is_transient
from refresh_sessions.exceptions import OuterTransactionError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import (
    refresh_session,
    revoke_session,
    revoke_user_sessions,
    start_session,
)
from refresh_sessions.signals import session_revoked
from tests.domain.stories import call, family_of, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.races.invariants import endings_of, pairs
from tests.races.runner import LONGEST_WAIT, at_once

pytestmark = pytest.mark.django_db(transaction=True)


class EndsItsSession(APIView):
    """A project's view that ends the session it is called with, and fails if told to."""

    def post(self, request):
        revoke_session(request.auth.session, reason="project")
        if request.data.get("fail"):
            raise PermissionDenied
        return Response()


def refreshes(request):
    refresh_session(request.headers["X-Token"])
    return HttpResponse()


urlpatterns = [
    path("ends-its-session/", EndsItsSession.as_view()),
    path("refreshes/", refreshes),
]


@pytest.mark.urls(__name__)
class TestAtomicRequests:
    @pytest.fixture(autouse=True)
    def _atomic_requests(self, transactional_db, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def end(self, client, pair, bearer, **body):
        with heard(session_revoked) as told:
            answer = client.post("/ends-its-session/", body, format="json", headers=bearer(pair))
        return answer.status_code, len(told)

    def test_an_end_in_a_request_that_succeeds(self, client, pair, bearer):
        assert self.end(client, pair, bearer) == (200, 1)
        assert elsewhere(call, pair) == "session_revoked"

    def test_an_end_in_a_request_that_fails(self, client, pair, bearer):
        """It fails with the request, and nobody has been told of an end that is none."""
        assert self.end(client, pair, bearer, fail=True) == (403, 0)
        assert elsewhere(call, pair) == "ok"
        assert endings_of(pair) == []

    def test_a_refresh_is_refused_before_anything_happens(self, client, pair):
        with pytest.raises(OuterTransactionError):
            client.get("/refreshes/", headers={"x-token": pair.refresh})
        assert family_of(pair).generation == 1

    def test_the_alarm_of_a_used_token_is_refused_as_loudly(self, client, pair):
        newest = refresh_session(pair.refresh)
        TokenFamily.objects.update(rotated_at=None)
        refresh_session(newest.refresh)
        with pytest.raises(OuterTransactionError):
            client.get("/refreshes/", headers={"x-token": pair.refresh})
        # Nothing is lost by it: the next to ask outside of a transaction finds the theft.
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"


class TestRolledBack:
    def test_an_end_goes_with_the_transaction_it_is_in(self, pair):
        with heard(session_revoked) as told, pytest.raises(ZeroDivisionError):
            end_and_divide_by_zero(pair)
        assert told == []
        assert elsewhere(call, pair) == "ok"
        assert revoke_session(pair.session, reason="admin") is True


def end_and_divide_by_zero(pair):
    with transaction.atomic():
        assert revoke_session(pair.session, reason="admin") is True
        assert call(pair) == "session_revoked"
        1 / 0  # noqa: B018


def elsewhere(question, *arguments):
    """Ask over another connection, which sees only what has been committed."""
    (answer,) = at_once([partial(question, *arguments)])
    return answer


LOST = "the transaction is lost"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one transaction at a time")
class TestStaleViews:
    """Transactions that have all looked before any of them calls a verb.

    Under repeatable read each goes on seeing what was there before: it must not take that for
    the present. Its owner may be told that it is lost, and may begin again.
    """

    @pytest.fixture
    def race(self):
        return in_transactions

    @pytest.mark.parametrize("policy", ["revoke_oldest", "deny"])
    def test_sign_ins(self, policy, options, race):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT=policy)
        user = UserFactory()
        answers = race([partial(start_session, user)] * 4)
        assert pairs(answers)
        assert DeviceSession.objects.active().count() <= 2

    def test_ends_of_one_session(self, pair, race):
        calls = [partial(revoke_session, pair.session, reason=f"{n}") for n in range(4)]
        ended = race(calls)
        assert [answer for answer in ended if answer is not False].count(True) == 1
        assert call(pair) == "session_revoked"
        assert len(endings_of(pair)) == 1

    def test_ends_of_all_sessions(self, race):
        user = UserFactory()
        signed_in = [make_pair(user) for _ in range(3)]
        ended = race([partial(revoke_user_sessions, user, reason="admin")] * 4)
        assert sum(number for number in ended if number != LOST) == 3
        assert {call(pair) for pair in signed_in} == {"session_revoked"}
        assert [len(endings_of(pair)) for pair in signed_in] == [1, 1, 1]


def in_transactions(calls):
    """Call each inside a transaction that has looked around before any of the calls."""
    barrier = Barrier(len(calls))

    def run(verb):
        try:
            with transaction.atomic():
                assert DeviceSession.objects.count() == TokenFamily.objects.count()
                barrier.wait(LONGEST_WAIT)
                return verb()
        except DatabaseError as error:
            if not is_transient(error):
                raise
            return LOST

    return at_once([partial(run, verb) for verb in calls])
