"""Login, and the limit of sessions per user."""

from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import F

from refresh_sessions.exceptions import NoActiveAccountError, SessionLimitReachedError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import login, start_session
from refresh_sessions.signals import session_revoked, session_started
from refresh_sessions.tokens import access_tokens
from tests.domain.client_actions import call, kinds, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestSession:
    def test_session_stores_device_of_login(self, user, rf):
        request = rf.get("/", REMOTE_ADDR="203.0.113.5", HTTP_USER_AGENT="Shop/1.2")
        session = session_of(make_pair(user, request=request, name="My phone"))
        assert session.user == user
        assert session.name == "My phone"
        assert session.user_agent == "Shop/1.2"
        assert session.ip_address == "203.0.113.5"

    @pytest.mark.parametrize(
        ("name", "kept"), [("x" * 200, "x" * 128), ("a\x00b", "a b"), ("a\nb", "a b")]
    )
    def test_session_name_of_any_text_is_stored(self, user, name, kept):
        assert session_of(make_pair(user, name=name)).name == kept

    def test_new_session_has_one_family_with_one_event(self, pair):
        assert TokenFamily.objects.get().session_id == pair.session.pk
        event = SessionEvent.objects.get()
        assert (event.kind, event.session_id) == ("signed_in", pair.session.pk)

    def test_session_lifetime_follows_settings(self, user, clock, options):
        options(
            SESSION_LIFETIME=timedelta(days=3),
            REFRESH_TOKEN_LIFETIME=timedelta(days=2),
            ACCESS_TOKEN_LIFETIME=timedelta(minutes=1),
        )
        pair = make_pair(user)
        session = session_of(pair)
        assert session.created_at == clock.now
        assert session.expires_at == clock.now + timedelta(days=3)
        assert session.families.get().idle_expires_at == clock.now + timedelta(days=2)
        assert pair.access_expires_at <= clock.now + timedelta(minutes=1)

    def test_idle_limit_is_capped_at_hard_limit(self, user, options):
        options(SESSION_LIFETIME=timedelta(days=1))
        session = session_of(make_pair(user))
        assert session.families.get().idle_expires_at == session.expires_at

    def test_session_secret_is_not_stored(self, pair):
        family = TokenFamily.objects.get()
        assert len(family.secret_digest) == 64
        assert family.secret_digest not in pair.refresh

    def test_session_without_authentication_methods_has_no_auth_time(self, user):
        claims = access_tokens.verify(start_session(user, authenticated=False).access)
        assert claims.authenticated_at is None
        assert TokenFamily.objects.get().authenticated_at is None

    def test_login_sets_last_login(self, user):
        make_pair(user)
        user.refresh_from_db()
        assert user.last_login is not None

    def test_login_of_inactive_user_is_refused(self):
        with pytest.raises(NoActiveAccountError):
            make_pair(UserFactory(is_active=False))
        assert not DeviceSession.objects.exists()

    def test_login_of_deleted_user_is_refused(self, user):
        type(user).objects.all().delete()
        with pytest.raises(NoActiveAccountError):
            make_pair(user)

    def test_login_with_stale_user_after_password_change_is_unusable(self, user):
        other = type(user).objects.get()
        other.set_password("another")
        other.save()
        assert call(make_pair(user)) == "session_revoked"


class TestSignals:
    def test_login_signals_have_session_with_request(self, user, rf):
        request = rf.post("/")
        with heard(session_started) as ours, heard(user_logged_in) as djangos:
            pair = make_pair(user, request=request)
        assert [item["session"] for item in ours] == [pair.session]
        assert [item["family"] for item in ours] == [pair.family]
        assert [item["request"] for item in ours] == [request]
        assert [(item["user"], item["request"]) for item in djangos] == [(user, request)]

    def test_login_signals_are_sent_after_commit_of_caller(self, transactional_db):
        user = UserFactory()
        with heard(session_started) as ours:
            with transaction.atomic():
                make_pair(user)
                assert ours == []
            assert len(ours) == 1

    def test_login_signals_are_not_sent_after_rollback(self, transactional_db):
        user = UserFactory()
        with heard(session_started) as ours, transaction.atomic():
            make_pair(user)
            transaction.set_rollback(True)
        assert ours == []
        assert not DeviceSession.objects.exists()

    def test_login_succeeds_with_failing_receiver(self, user):
        def fail(**kwargs):
            raise RuntimeError

        session_started.connect(fail)
        try:
            assert call(make_pair(user)) == "ok"
        finally:
            session_started.disconnect(fail)


class TestSessionLimit:
    def test_login_at_limit_revokes_oldest_session(self, user, clock, options):
        options(MAX_SESSIONS_PER_USER=2)
        pairs = []
        for _ in range(4):
            pairs.append(make_pair(user))
            clock.move(timedelta(seconds=1))
        assert [call(pair) for pair in pairs] == ["session_revoked"] * 2 + ["ok"] * 2
        assert session_of(pairs[0]).revoked_reason == "session_limit"
        assert kinds(pairs[0]) == ["signed_in", "limit_reached"]

    def test_login_at_limit_announces_revocation_of_oldest(self, user, clock, options):
        options(MAX_SESSIONS_PER_USER=1)
        first = make_pair(user)
        clock.move(timedelta(seconds=1))
        with heard(session_revoked) as ended:
            make_pair(user)
        assert [item["session"].pk for item in ended] == [first.session.pk]

    def test_login_at_limit_with_deny_policy_is_refused(self, user, options):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT="deny")
        pairs = [make_pair(user), make_pair(user)]
        with pytest.raises(SessionLimitReachedError):
            make_pair(user)
        assert [call(pair) for pair in pairs] == ["ok", "ok"]
        assert DeviceSession.objects.count() == 2

    def test_ended_sessions_do_not_count_against_limit(self, user, clock, options):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        make_pair(user)
        clock.move(timedelta(days=7))
        pair = make_pair(user)
        DeviceSession.objects.filter(pk=pair.session.pk).update(revoked_at=clock.now)
        assert make_pair(user)

    def test_sessions_of_other_users_do_not_count_against_limit(self, user, options):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        make_pair(UserFactory())
        assert make_pair(user)

    @pytest.mark.parametrize(("unlocked", "locks"), [(1, 0), (2, 1)])
    def test_login_far_below_limit_takes_no_lock(
        self, user, options, monkeypatch, unlocked, locks
    ):
        """Of three sessions, one is revoked, and one is past its deadline."""
        options(MAX_SESSIONS_PER_USER=3)
        monkeypatch.setattr(login, "UNLOCKED_LOGINS", unlocked)
        ended = [make_pair(user).session.pk for _ in range(3)]
        sessions = DeviceSession.objects.filter(user=user)
        sessions.filter(pk=ended[0]).update(revoked_at=F("created_at"))
        sessions.filter(pk=ended[1]).update(expires_at=F("created_at"))
        make_pair(UserFactory())
        with mock.patch.object(login, "lock_user", side_effect=login.lock_user) as lock:
            make_pair(user)
        assert lock.call_count == locks
        assert DeviceSession.objects.active().for_user(user).count() == 2

    def test_login_after_lowered_limit_revokes_all_surplus_sessions(self, user, options):
        pairs = [make_pair(user) for _ in range(4)]
        options(MAX_SESSIONS_PER_USER=2)
        pairs.append(make_pair(user))
        assert [call(pair) for pair in pairs].count("ok") == 2
        assert call(pairs[-1]) == "ok"


class KindPolicy(SessionPolicy):
    """Gives staff and remembered logins their own lifetimes, and all others one refresh."""

    def session_lifetime(self, user, *, request, data):
        if data.get("remember_me"):
            return timedelta(days=30)
        return timedelta(hours=12) if user.is_staff else timedelta(days=1)

    def access_token_lifetime(self, user, *, session, request):
        return timedelta(minutes=2)

    def refresh_token_lifetime(self, user, *, session, request):
        return timedelta(hours=1)

    def max_sessions(self, user, *, request):
        return 1

    def max_refreshes(self, user, *, session):
        return 1


class TestPolicy:
    @pytest.fixture(autouse=True)
    def _policy(self, options):
        options(POLICY=f"{__name__}.KindPolicy")

    @pytest.mark.parametrize(
        ("data", "staff", "lifetime"),
        [
            ({}, False, timedelta(days=1)),
            ({}, True, timedelta(hours=12)),
            ({"remember_me": True}, True, timedelta(days=30)),
        ],
    )
    def test_policy_sets_lifetime_per_login(self, clock, data, staff, lifetime):
        pair = start_session(UserFactory(is_staff=staff), data=data)
        assert session_of(pair).expires_at == clock.now + lifetime
        assert pair.family.idle_expires_at == clock.now + timedelta(hours=1)
        assert pair.access_expires_at <= clock.now + timedelta(minutes=2)

    def test_policy_sets_session_limit_per_user(self, user, clock):
        first = make_pair(user)
        clock.move(timedelta(seconds=1))
        make_pair(user)
        assert call(first) == "session_revoked"
