"""Package functions within a caller's transaction keep their guarantees or raise errors."""

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
from tests.domain.client_actions import call, family_of, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.races.invariants import pairs, revocation_events
from tests.races.runner import LONGEST_WAIT, at_once

pytestmark = pytest.mark.django_db(transaction=True)


class RevokeOwnSession(APIView):
    """A project's view that revokes the session of the request and optionally fails."""

    def post(self, request):
        revoke_session(request.auth.session, reason="project")
        if request.data.get("fail"):
            raise PermissionDenied
        return Response()


def refreshes(request):
    refresh_session(request.headers["X-Token"])
    return HttpResponse()


urlpatterns = [
    path("revoke-own-session/", RevokeOwnSession.as_view()),
    path("refreshes/", refreshes),
]


@pytest.mark.urls(__name__)
class TestAtomicRequests:
    @pytest.fixture(autouse=True)
    def _atomic_requests(self, transactional_db, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def end(self, client, pair, bearer, **body):
        with heard(session_revoked) as announced:
            answer = client.post("/revoke-own-session/", body, format="json", headers=bearer(pair))
        return answer.status_code, len(announced)

    def test_revocation_in_successful_atomic_request_is_committed(self, client, pair, bearer):
        assert self.end(client, pair, bearer) == (200, 1)
        assert on_other_connection(call, pair) == "session_revoked"

    def test_revocation_in_failed_atomic_request_is_rolled_back(self, client, pair, bearer):
        """The revocation is rolled back with the request, and no signal is sent."""
        assert self.end(client, pair, bearer, fail=True) == (403, 0)
        assert on_other_connection(call, pair) == "ok"
        assert revocation_events(pair) == []

    def test_refresh_in_atomic_request_raises_error(self, client, pair):
        with pytest.raises(OuterTransactionError):
            client.get("/refreshes/", headers={"x-token": pair.refresh})
        assert family_of(pair).generation == 1

    def test_reuse_in_atomic_request_raises_error(self, client, pair):
        newest = refresh_session(pair.refresh)
        TokenFamily.objects.update(rotated_at=None)
        refresh_session(newest.refresh)
        with pytest.raises(OuterTransactionError):
            client.get("/refreshes/", headers={"x-token": pair.refresh})
        # Nothing is lost: the next request outside of a transaction detects the reuse.
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"


class TestRolledBack:
    def test_revocation_in_transaction_rolled_back_sends_no_signal(self, pair):
        with heard(session_revoked) as announced, pytest.raises(ZeroDivisionError):
            revoke_and_roll_back(pair)
        assert announced == []
        assert on_other_connection(call, pair) == "ok"
        assert revoke_session(pair.session, reason="admin") is True


def revoke_and_roll_back(pair):
    with transaction.atomic():
        assert revoke_session(pair.session, reason="admin") is True
        assert call(pair) == "session_revoked"
        1 / 0  # noqa: B018


def on_other_connection(question, *arguments):
    """Run a function on another connection, which sees only committed data."""
    (answer,) = at_once([partial(question, *arguments)])
    return answer


LOST = "the transaction is lost"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one transaction at a time")
class TestStaleSnapshots:
    """Concurrent transactions that have all read before the first function call.

    Under repeatable read each still sees the old rows, which must not be taken as current. A
    transaction may fail with a transient error; the caller may retry it.
    """

    @pytest.fixture
    def race(self):
        return in_transactions

    @pytest.mark.parametrize("policy", ["revoke_oldest", "deny"])
    def test_logins_in_transactions_with_stale_snapshot_stay_within_limit(
        self, policy, options, race
    ):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT=policy)
        user = UserFactory()
        answers = race([partial(start_session, user)] * 4)
        assert pairs(answers)
        assert DeviceSession.objects.active().count() <= 2

    def test_revocations_in_transactions_with_stale_snapshot_take_effect_once(self, pair, race):
        calls = [partial(revoke_session, pair.session, reason=f"{n}") for n in range(4)]
        ended = race(calls)
        assert [answer for answer in ended if answer is not False].count(True) == 1
        assert call(pair) == "session_revoked"
        assert len(revocation_events(pair)) == 1

    def test_revocations_of_all_sessions_with_stale_snapshot_take_effect_once(self, race):
        user = UserFactory()
        signed_in = [make_pair(user) for _ in range(3)]
        ended = race([partial(revoke_user_sessions, user, reason="admin")] * 4)
        assert sum(number for number in ended if number != LOST) == 3
        assert {call(pair) for pair in signed_in} == {"session_revoked"}
        assert [len(revocation_events(pair)) for pair in signed_in] == [1, 1, 1]


def in_transactions(calls):
    """Run each call in a transaction that has read before the first call."""
    barrier = Barrier(len(calls))

    def run(function):
        try:
            with transaction.atomic():
                assert DeviceSession.objects.count() == TokenFamily.objects.count()
                barrier.wait(LONGEST_WAIT)
                return function()
        except DatabaseError as error:
            if not is_transient(error):
                raise
            return LOST

    return at_once([partial(run, function) for function in calls])
