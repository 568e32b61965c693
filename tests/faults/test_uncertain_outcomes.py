"""Changes with a lost acknowledgement, or done in part: each takes effect exactly once."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from refresh_sessions import sessions
from refresh_sessions.database import DatabaseNow, retry_transient
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session
from refresh_sessions.signals import refresh_token_reused, session_revoked
from tests.domain.access_endings import (
    deactivation,
    opening_of_a_family,
    reauthentication,
    recovery,
    revocation,
)
from tests.domain.client_actions import call, family_of, kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.faults.errors import CONNECTION_LOST, TRANSIENT
from tests.faults.injection import Fault, failing_commit
from tests.faults.scenarios import end_overlap, rotated_pair
from tests.listeners import heard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_pauses")]

LOST_AFTER_COMMIT = partial(
    failing_commit, next(reversed(CONNECTION_LOST.values())), executed=True
)


@pytest.fixture
def strict(options):
    """Strict rotation: any repeated update would be reported as reuse."""
    options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)


class FailingStatement:
    """Raises an error at statements that contain ``words``, optionally after their execution."""

    def __init__(self, error, *words, executed=False, times=1):
        self.error, self.words, self.executed, self.times = error, words, executed, times

    def __call__(self, execute, sql, params, many, context):
        if self.times == 0 or not all(word in sql for word in self.words):
            return execute(sql, params, many, context)
        self.times -= 1
        if self.executed:
            execute(sql, params, many, context)
        raise self.error()


@pytest.mark.usefixtures("strict")
class TestStrictRotation:
    @pytest.mark.parametrize("error", CONNECTION_LOST)
    @pytest.mark.parametrize("statement", [1, 2], ids=["select", "update"])
    def test_strict_refresh_connection_lost_after_statement_succeeds(self, error, statement):
        pair = make_pair()
        fault = Fault(error=CONNECTION_LOST[error], on=statement, executed=True)
        with connection.execute_wrapper(fault):
            new = refresh_session(pair.refresh)
        assert call(new) == "ok"
        assert call(refresh_session(new.refresh)) == "ok"
        assert (family_of(pair).generation, kinds(pair)) == (3, ["signed_in"])

    def test_strict_refresh_late_first_update_succeeds(self):
        """The server executes the first UPDATE after the client has sent the second."""
        pair, late, lost = make_pair(), [], CONNECTION_LOST["interface"]()

        def lose(execute, sql, params, many, context):
            if not sql.startswith("UPDATE") or len(late) == 2:
                return execute(sql, params, many, context)
            late.append((sql, params, many, context))
            if len(late) == 2:
                execute(*late[0])
            raise lost

        with connection.execute_wrapper(lose):
            new = refresh_session(pair.refresh)
        assert family_of(pair).generation == 2
        assert call(refresh_session(new.refresh)) == "ok"

    def test_refresh_auth_hash_update_fails_is_repeated_by_next_refresh(self, settings):
        """The refresh succeeds; the next one updates the hash."""
        pair = make_pair()
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
        before = session_of(pair).auth_hash
        busy = FailingStatement(TRANSIENT["busy"], "UPDATE", "auth_hash", times=-1)
        with connection.execute_wrapper(busy):
            new = refresh_session(pair.refresh)
        assert session_of(pair).auth_hash == before
        assert call(refresh_session(new.refresh)) == "ok"
        assert session_of(pair).auth_hash != before

    @pytest.mark.parametrize(("times", "recorded"), [(1, ["token_ahead_of_database"]), (-1, [])])
    def test_refresh_ahead_of_database_event_fails_still_succeeds(self, times, recorded):
        new = rotated_pair(rotated_pair(make_pair()))
        TokenFamily.objects.update(generation=1, redeemable_generation=None)
        busy = FailingStatement(TRANSIENT["busy"], "INSERT", times=times)
        with connection.execute_wrapper(busy):
            renewed = refresh_session(new.refresh)
        assert call(refresh_session(renewed.refresh)) == "ok"
        assert kinds(new) == ["signed_in", *recorded]


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (
            lambda pair: DeviceSession.objects.update(
                revoked_at=DatabaseNow(), revoked_reason="admin"
            ),
            "session_revoked",
        ),
        (
            lambda pair: TokenFamily.objects.update(closed_at=DatabaseNow()),
            "refresh_superseded",
        ),
    ],
    ids=["session revoked", "family closed"],
)
def test_refresh_session_ended_after_lost_update_issues_no_tokens(ended, code):
    """The UPDATE took effect, so the retry would only have to return the tokens."""
    pair, updates, lost = make_pair(), [], CONNECTION_LOST["interface"]()

    def end_and_lose(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE") and not updates:
            updates.append(sql)
            ended(pair)
            raise lost
        return result

    with connection.execute_wrapper(end_and_lose):
        assert refused(pair.refresh) == code
    assert family_of(pair).generation == 2


class TestLostAtTheCommit:
    def test_login_commit_acknowledgement_lost_creates_one_session(self):
        user = UserFactory()
        with LOST_AFTER_COMMIT():
            pair = make_pair(user)
        assert list(DeviceSession.objects.filter(user=user)) == [pair.session]
        assert SessionEvent.objects.count() == 1
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_login_commit_acknowledgement_lost_counts_once_for_limit(self, options):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        with LOST_AFTER_COMMIT():
            assert call(make_pair()) == "ok"

    def test_revocation_commit_acknowledgement_lost_sends_signal(self, pair):
        with heard(session_revoked) as announced, LOST_AFTER_COMMIT():
            assert sessions.revoke_session(pair.session, reason="admin") is True
        assert [signal["reason"] for signal in announced] == ["admin"]
        assert kinds(pair) == ["signed_in", "revoked"]

    def test_revocations_commit_acknowledgement_lost_are_counted_with_signals(self, user):
        pairs = [make_pair(user) for _ in range(3)]
        with heard(session_revoked) as announced, LOST_AFTER_COMMIT():
            assert sessions.revoke_user_sessions(user, reason="admin") == 3
        assert {signal["session"] for signal in announced} == {pair.session for pair in pairs}
        assert [kinds(pair) for pair in pairs] == [["signed_in", "revoked"]] * 3

    def test_revocation_commit_failed_is_retried(self, pair):
        lost_before = failing_commit(CONNECTION_LOST["interface"], executed=False)
        with heard(session_revoked) as announced, lost_before:
            assert sessions.revoke_session(pair.session, reason="admin") is True
        assert len(announced) == 1
        assert call(pair) == "session_revoked"

    def test_reuse_commit_acknowledgement_lost_sends_signal(self, pair):
        """Receivers of the signal may have more to revoke than the session."""
        newest = rotated_pair(rotated_pair(pair))
        with heard(refresh_token_reused) as alarms, LOST_AFTER_COMMIT():
            assert refused(pair.refresh) == "session_revoked"
        assert [alarm["generation"] for alarm in alarms] == [1]
        assert kinds(pair) == ["signed_in", "reuse_detected"]
        assert call(newest) == "session_revoked"


def test_rollback_to_savepoint_failed_is_retried():
    """Django hides this failure, and refuses the next statement of the transaction."""
    busy = FailingStatement(TRANSIENT["busy"], "ROLLBACK TO SAVEPOINT")

    def attempt():
        with transaction.atomic():
            with transaction.atomic():
                UserFactory()
                transaction.set_rollback(True)
            return UserFactory()

    with connection.execute_wrapper(busy):
        user = retry_transient("default", attempt)
    assert busy.times == 0
    assert list(get_user_model().objects.all()) == [user]


@pytest.mark.parametrize("error", TRANSIENT)
def test_call_evidence_update_fails_is_recorded_by_next_call(error):
    pair = rotated_pair(make_pair())
    with connection.execute_wrapper(FailingStatement(TRANSIENT[error], "UPDATE", "delivered_at")):
        assert call(pair) == "ok"
    assert family_of(pair).delivered_at is None
    assert call(pair) == "ok"
    assert family_of(pair).delivered_at is not None


def test_reuse_database_busy_is_detected_by_next_request():
    first = make_pair()
    newest = rotated_pair(rotated_pair(first))
    busy = FailingStatement(TRANSIENT["busy"], "UPDATE", times=-1)
    with connection.execute_wrapper(busy):
        assert refused(first.refresh) == "database_busy"
    assert session_of(first).revoked_at is None
    assert refused(first.refresh) == "session_revoked"
    end_overlap(newest)
    assert refused(newest.refresh) == "session_revoked"


class TestCache:
    """The change is committed, but its caller never learns of it: no attempt is left."""

    @pytest.fixture(autouse=True)
    def _one_attempt(self, options, monkeypatch):
        options(ACCESS_TOKEN_CHECK="cache")
        monkeypatch.setattr("refresh_sessions.database.RETRY_ATTEMPTS", 1)

    @pytest.mark.parametrize("error", CONNECTION_LOST)
    def test_recovery_with_uncertain_outcome_invalidates_cached_state(self, user, error):
        case = recovery(user)
        assert call(case.pair) == "ok"
        lost = FailingStatement(CONNECTION_LOST[error], "UPDATE", executed=True)
        with connection.execute_wrapper(lost), pytest.raises(DatabaseBusyError):
            case.change()
        assert family_of(case.pair).generation == 3
        assert call(case.pair) != "ok"

    @pytest.mark.parametrize(
        "ending", [revocation, deactivation, reauthentication, opening_of_a_family]
    )
    def test_commit_with_uncertain_outcome_invalidates_cached_state(self, user, ending):
        case = ending(user)
        assert call(case.pair) == "ok"
        with LOST_AFTER_COMMIT(), suppress(DatabaseBusyError):
            case.change()
        assert call(case.pair) != "ok"
