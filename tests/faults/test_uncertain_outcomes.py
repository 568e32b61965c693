"""A change that was made although it looks failed, or made in part: it counts, and counts once."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from refresh_sessions import sessions
from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session
from refresh_sessions.signals import refresh_token_reused, session_revoked
from tests.domain.stories import call, family_of, kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.faults.errors import LOST, PASSING
from tests.faults.injection import Fault, failing_commit
from tests.faults.scenarios import let_overlap_pass, rotated_pair
from tests.listeners import heard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_pauses")]

LOST_AFTER_COMMIT = partial(failing_commit, next(reversed(LOST.values())), carried_out=True)


@pytest.fixture
def strict(options):
    """No second chance for a used token: every slip would be an accusation."""
    options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)


class FailsFor:
    """An error at the statements that contain ``words``; they may be carried out first."""

    def __init__(self, error, *words, carried_out=False, times=1):
        self.error, self.words, self.carried_out, self.times = error, words, carried_out, times

    def __call__(self, execute, sql, params, many, context):
        if self.times == 0 or not all(word in sql for word in self.words):
            return execute(sql, params, many, context)
        self.times -= 1
        if self.carried_out:
            execute(sql, params, many, context)
        raise self.error()


@pytest.mark.usefixtures("strict")
class TestStrictRotation:
    @pytest.mark.parametrize("error", LOST)
    @pytest.mark.parametrize("statement", [1, 2], ids=["select", "update"])
    def test_connection_lost_after_the(self, error, statement):
        pair = make_pair()
        fault = Fault(error=LOST[error], on=statement, carried_out=True)
        with connection.execute_wrapper(fault):
            new = refresh_session(pair.refresh)
        assert call(new) == "ok"
        assert call(refresh_session(new.refresh)) == "ok"
        assert (family_of(pair).generation, kinds(pair)) == (3, ["signed_in"])

    def test_a_server_that_lags_behind_its_lost_connections(self):
        """The first UPDATE lands when the client has already sent its second."""
        pair, late, lost = make_pair(), [], LOST["interface"]()

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

    def test_the_auth_hash_cannot_be_renewed(self, settings):
        """The refresh is done; the next one renews the hash."""
        pair = make_pair()
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
        before = session_of(pair).auth_hash
        busy = FailsFor(PASSING["busy"], "UPDATE", "auth_hash", times=-1)
        with connection.execute_wrapper(busy):
            new = refresh_session(pair.refresh)
        assert session_of(pair).auth_hash == before
        assert call(refresh_session(new.refresh)) == "ok"
        assert session_of(pair).auth_hash != before

    @pytest.mark.parametrize(("times", "recorded"), [(1, ["token_ahead_of_database"]), (-1, [])])
    def test_the_healing_cannot_be_recorded(self, times, recorded):
        new = rotated_pair(rotated_pair(make_pair()))
        TokenFamily.objects.update(generation=1, redeemable_generation=None)
        busy = FailsFor(PASSING["busy"], "INSERT", times=times)
        with connection.execute_wrapper(busy):
            healed = refresh_session(new.refresh)
        assert call(refresh_session(healed.refresh)) == "ok"
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
def test_session_that_ended_after_a_lost_update_gets_no_tokens(ended, code):
    """The UPDATE has landed, so the second try would only have to hand the tokens over."""
    pair, updates, lost = make_pair(), [], LOST["interface"]()

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
    def test_a_device_is_signed_in_once(self):
        user = UserFactory()
        with LOST_AFTER_COMMIT():
            pair = make_pair(user)
        assert list(DeviceSession.objects.filter(user=user)) == [pair.session]
        assert SessionEvent.objects.count() == 1
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_the_limit_of_devices_counts_it_once(self, options):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        with LOST_AFTER_COMMIT():
            assert call(make_pair()) == "ok"

    def test_an_end_is_announced(self, pair):
        with heard(session_revoked) as announced, LOST_AFTER_COMMIT():
            assert sessions.revoke_session(pair.session, reason="admin") is True
        assert [signal["reason"] for signal in announced] == ["admin"]
        assert kinds(pair) == ["signed_in", "revoked"]

    def test_ends_are_counted_and_announced(self, user):
        pairs = [make_pair(user) for _ in range(3)]
        with heard(session_revoked) as announced, LOST_AFTER_COMMIT():
            assert sessions.revoke_user_sessions(user, reason="admin") == 3
        assert {signal["session"] for signal in announced} == {pair.session for pair in pairs}
        assert [kinds(pair) for pair in pairs] == [["signed_in", "revoked"]] * 3

    def test_an_end_that_was_not_committed_is_tried_again(self, pair):
        lost_before = failing_commit(LOST["interface"], carried_out=False)
        with heard(session_revoked) as announced, lost_before:
            assert sessions.revoke_session(pair.session, reason="admin") is True
        assert len(announced) == 1
        assert call(pair) == "session_revoked"

    def test_a_theft_is_reported(self, pair):
        """Who listens to it may have more to end than the session."""
        newest = rotated_pair(rotated_pair(pair))
        with heard(refresh_token_reused) as alarms, LOST_AFTER_COMMIT():
            assert refused(pair.refresh) == "session_revoked"
        assert [alarm["generation"] for alarm in alarms] == [1]
        assert kinds(pair) == ["signed_in", "reuse_detected"]
        assert call(newest) == "session_revoked"


@pytest.mark.parametrize("error", PASSING)
def test_delivery_that_cannot_be_noted_is_noted_by_the_next_call(error):
    pair = rotated_pair(make_pair())
    with connection.execute_wrapper(FailsFor(PASSING[error], "UPDATE", "delivered_at")):
        assert call(pair) == "ok"
    assert family_of(pair).delivered_at is None
    assert call(pair) == "ok"
    assert family_of(pair).delivered_at is not None


def test_reuse_found_while_the_database_is_busy_is_found_again():
    first = make_pair()
    newest = rotated_pair(rotated_pair(first))
    busy = FailsFor(PASSING["busy"], "UPDATE", times=-1)
    with connection.execute_wrapper(busy):
        assert refused(first.refresh) == "database_busy"
    assert session_of(first).revoked_at is None
    assert refused(first.refresh) == "session_revoked"
    let_overlap_pass(newest)
    assert refused(newest.refresh) == "session_revoked"
