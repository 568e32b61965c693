"""Revocation of one session, of all others, or of all; its actor and reason."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.signals import user_logged_out
from django.db import connections, transaction

from refresh_sessions import sessions
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import (
    log_out,
    refresh_session,
    revoke_session,
    revoke_sessions,
    revoke_user_sessions,
)
from refresh_sessions.signals import (
    refresh_token_recovered,
    refresh_token_reused,
    session_refreshed,
    session_revoked,
)
from refresh_sessions.tokens import access_tokens, refresh_tokens
from tests.domain.client_actions import AFTER_OVERLAP, call, kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestOne:
    def test_revoked_session_is_refused_at_once(self, pair):
        assert revoke_session(pair.session, reason="admin") is True
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"

    def test_revocation_stores_actor_reason_address(self, pair, rf):
        staff = UserFactory()
        request = rf.post("/", REMOTE_ADDR="203.0.113.5")
        revoke_session(pair.session, reason="lost device", by=staff, request=request)
        session = session_of(pair)
        assert session.revoked_at is not None
        assert (session.revoked_reason, session.revoked_by) == ("lost device", staff)
        assert session.reason == "lost device"
        event = session.events.get(kind="revoked")
        assert (event.actor, event.ip_address) == (staff, "203.0.113.5")
        assert event.details == {"reason": "lost device"}

    def test_second_revocation_changes_nothing(self, pair):
        revoke_session(pair.session, reason="admin")
        before = session_of(pair).revoked_at
        with heard(session_revoked) as announced:
            assert revoke_session(pair.session, reason="user") is False
        assert (session_of(pair).revoked_at, session_of(pair).revoked_reason) == (before, "admin")
        assert kinds(pair) == ["signed_in", "revoked"]
        assert announced == []

    def test_revocation_sends_signal(self, pair, user):
        with heard(session_revoked) as announced:
            revoke_session(pair.session, reason="admin", by=user)
        assert [(item["session"], item["reason"], item["by"]) for item in announced] == [
            (pair.session, "admin", user)
        ]
        assert announced[0]["session"].revoked_reason == "admin"
        assert announced[0]["session"].revoked_at is not None

    def test_revocation_joins_transaction_of_caller(self, transactional_db):
        pair = make_pair()
        with heard(session_revoked) as announced, transaction.atomic():
            revoke_session(pair.session, reason="admin")
            transaction.set_rollback(True)
        assert announced == []
        assert call(pair) == "ok"


class TestMany:
    def test_revoking_all_sessions_of_user_revokes_each(self, user):
        pairs, other = [make_pair(user) for _ in range(3)], make_pair()
        assert revoke_user_sessions(user, reason="user", by=user) == 3
        assert [call(pair) for pair in pairs] == ["session_revoked"] * 3
        assert call(other) == "ok"

    @pytest.mark.parametrize("form", [lambda session: session, lambda session: session.pk])
    def test_revoking_other_sessions_keeps_current(self, user, form):
        kept, *pairs = [make_pair(user) for _ in range(3)]
        assert revoke_user_sessions(user, keep=form(kept.session), reason="user") == 2
        assert call(kept) == "ok"
        assert [call(pair) for pair in pairs] == ["session_revoked"] * 2

    def test_revoking_many_sessions_records_event_with_signal_each(self, user):
        pairs = [make_pair(user) for _ in range(3)]
        with heard(session_revoked) as announced:
            revoke_user_sessions(user, reason="admin", by=user)
        assert {item["session"].pk for item in announced} == {pair.session.pk for pair in pairs}
        assert SessionEvent.objects.filter(kind="revoked", actor=user).count() == 3

    def test_revoking_many_sessions_does_not_count_ended(self, user):
        make_pair(user)
        revoke_session(make_pair(user).session, reason="logout")
        assert revoke_sessions(DeviceSession.objects.all(), reason="admin") == 1
        assert DeviceSession.objects.filter(revoked_reason="admin").count() == 1

    def test_revoking_many_sessions_runs_in_batches(self, user, monkeypatch):
        monkeypatch.setattr("refresh_sessions.sessions.revoke.BATCH_SIZE", 2)
        pairs = [make_pair(user) for _ in range(5)]
        assert revoke_sessions(DeviceSession.objects.all(), reason="admin") == 5
        assert [call(pair) for pair in pairs] == ["session_revoked"] * 5

    def test_revoking_many_sessions_takes_constant_queries(
        self, user, django_assert_max_num_queries
    ):
        for _ in range(20):
            make_pair(user)
        # Ids, savepoint and release, locked rows, their update, the events.
        with django_assert_max_num_queries(6):
            revoke_user_sessions(user, reason="user")


class TestLogout:
    def test_logout_with_refresh_token_revokes_session(self, pair, user, rf):
        request = rf.post("/")
        with heard(user_logged_out) as djangos:
            assert log_out(refresh_tokens.verify(pair.refresh), request=request) is True
        assert [(item["user"], item["request"]) for item in djangos] == [(user, request)]
        assert call(pair) == "session_revoked"
        assert kinds(pair) == ["signed_in", "signed_out"]
        assert session_of(pair).revoked_by == user

    def test_logout_with_access_token_revokes_session(self, pair):
        assert log_out(access_tokens.verify(pair.access)) is True
        assert refused(pair.refresh) == "session_revoked"

    def test_logout_with_used_refresh_token_revokes_session(self, pair, clock):
        clock.move(AFTER_OVERLAP)
        new = refresh_session(pair.refresh)
        assert log_out(refresh_tokens.verify(pair.refresh)) is True
        assert call(new) == "session_revoked"
        assert session_of(pair).revoked_reason == "logout"

    def test_second_logout_changes_nothing(self, pair):
        claims = refresh_tokens.verify(pair.refresh)
        assert log_out(claims) is True
        with heard(user_logged_out) as djangos:
            assert log_out(claims) is False
        assert djangos == []
        assert kinds(pair) == ["signed_in", "signed_out"]

    def test_logout_after_hard_limit_changes_nothing(self, pair, clock):
        clock.move(session_of(pair).expires_at - clock.now)
        assert log_out(refresh_tokens.verify(pair.refresh)) is False
        assert session_of(pair).revoked_at is None

    def test_logout_with_wrong_secret_is_refused(self, pair):
        own = refresh_tokens.verify(pair.refresh)
        forged = refresh_tokens.issue(
            session_id=own.session_id,
            family_id=own.family_id,
            generation=1,
            expires_at=own.expires_at,
            secret=refresh_tokens.new_secret(),
        )
        assert log_out(refresh_tokens.verify(forged)) is False
        assert call(pair) == "ok"

    def test_logout_of_deleted_session_changes_nothing(self, pair):
        claims = refresh_tokens.verify(pair.refresh)
        DeviceSession.objects.all().delete()
        assert log_out(claims) is False


class TestSignalsOfRefreshing:
    def test_rotation_sends_signal(self, pair, rf):
        request = rf.post("/")
        with heard(session_refreshed) as refreshed, heard(refresh_token_recovered) as recovered:
            refresh_session(pair.refresh, request=request)
            refresh_session(pair.refresh)
        assert [(item["generation"], item["request"]) for item in refreshed] == [(2, request)]
        assert recovered == []

    def test_recovery_sends_signal(self, pair, clock):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        with heard(refresh_token_recovered) as recovered:
            refresh_session(pair.refresh)
        assert [item["generation"] for item in recovered] == [3]
        assert [item["session"].pk for item in recovered] == [pair.session.pk]

    def test_reuse_sends_signal(self, pair, clock, caplog):
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(new.refresh)
        with heard(refresh_token_reused) as reused, heard(session_revoked) as revoked:
            refused(pair.refresh)
            refused(pair.refresh)
        assert [item["generation"] for item in reused] == [1]
        assert [item["reason"] for item in revoked] == ["reuse"]
        alarms = [record for record in caplog.records if record.levelname == "CRITICAL"]
        assert [record.name for record in alarms] == ["refresh_sessions.security"]
        assert str(pair.session.pk) in alarms[0].getMessage()


class TestAsync:
    def test_async_functions_match_sync(self, transactional_db):
        user = UserFactory()

        async def story():
            pair = await sessions.astart_session(user, name="Async")
            new = await sessions.arefresh_session(pair.refresh)
            grant = await sessions.acheck_access_token(new.access)
            assert grant.user == user
            assert await sessions.arevoke_session(pair.session, reason="user") is True
            assert await sessions.arevoke_user_sessions(user, reason="user") == 0
            assert await sessions.arevoke_sessions(DeviceSession.objects.all(), reason="x") == 0
            assert await sessions.alog_out(access_tokens.verify(new.access)) is False
            # The async functions ran in a thread with its own connection.
            await sync_to_async(connections.close_all)()
            return new

        assert call(asyncio.run(story())) == "session_revoked"
