"""Accounts that log in repeatedly and never log out."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.conf import get_settings
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import login, revoke, revoke_user_sessions
from refresh_sessions.signals import session_revoked
from refresh_sessions.users import get_auth_hash
from tests.domain.client_actions import call
from tests.factories import UserFactory, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db


def collect(user, number):
    """Create many sessions of a user, the newest last."""
    now = timezone.now()
    sessions = DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user,
            created_at=now - timedelta(hours=1, seconds=number - age),
            expires_at=now + timedelta(days=1),
            auth_hash=get_auth_hash(user),
        )
        for age in range(number)
    )
    TokenFamily.objects.bulk_create(
        TokenFamily(session=session, secret_digest="0" * 64, idle_expires_at=session.expires_at)
        for session in sessions
    )
    return sessions


def live(user):
    return DeviceSession.objects.active().for_user(user)


def statements(start):
    with CaptureQueriesContext(connection) as queries:
        start()
    words = [query["sql"].split()[0] for query in queries]
    return [word for word in words if word not in {"SAVEPOINT", "RELEASE"}]


class TestDefaultLimit:
    def test_login_of_a_user_with_few_sessions_takes_no_lock(self, user):
        collect(user, 20)
        assert statements(lambda: make_pair(user)).count("UPDATE") == 1  # last_login
        assert live(user).count() == 21

    def test_login_beyond_the_limit_revokes_the_oldest_sessions(self, user):
        limit = get_settings().MAX_SESSIONS_PER_USER
        sessions = collect(user, limit + 1)
        pair = make_pair(user)
        assert call(pair) == "ok"
        assert live(user).count() == limit
        revoked = DeviceSession.objects.revoked()
        assert {session.pk for session in revoked} == {session.pk for session in sessions[:2]}
        assert {session.revoked_reason for session in revoked} == {"session_limit"}

    def test_login_after_far_too_many_sessions_revokes_all_beyond_the_limit(
        self, user, monkeypatch
    ):
        monkeypatch.setattr(login, "BATCH_SIZE", 7)
        limit = get_settings().MAX_SESSIONS_PER_USER
        collect(user, limit + 30)
        others = collect(UserFactory(), 3)
        with heard(session_revoked) as ended:
            pair = make_pair(user)
        assert live(user).count() == limit
        assert live(user).filter(pk=pair.session.pk).exists()
        assert len(ended) == 31
        assert live(others[0].user).count() == 3

    def test_failure_while_the_surplus_is_revoked_leaves_the_login_intact(self, user, monkeypatch):
        monkeypatch.setattr(login, "BATCH_SIZE", 7)
        collect(user, get_settings().MAX_SESSIONS_PER_USER + 30)

        def fail(*args, **kwargs):
            raise login.DatabaseBusyError

        monkeypatch.setattr(login, "revoke_sessions", fail)
        assert call(make_pair(user)) == "ok"

    def test_login_without_any_limit_revokes_nothing(self, user, options):
        options(MAX_SESSIONS_PER_USER=None)
        collect(user, 250)
        make_pair(user)
        assert live(user).count() == 251

    @pytest.mark.parametrize("limit", [33, 40, 100])
    def test_login_at_a_large_limit_keeps_the_limit(self, user, options, limit):
        options(MAX_SESSIONS_PER_USER=limit)
        collect(user, limit - 1)
        for _ in range(3):
            make_pair(user)
        assert live(user).count() == limit

    def test_login_of_a_deleted_user_near_the_limit_is_refused(self, user):
        collect(user, 190)
        stale = get_user_model()._base_manager.get(pk=user.pk)
        DeviceSession.objects.all().delete()
        get_user_model()._base_manager.filter(pk=user.pk).delete()
        with pytest.raises(login.NoActiveAccountError):
            make_pair(stale)


def test_revoking_all_sessions_of_a_user_reads_one_batch_at_a_time(user, monkeypatch):
    monkeypatch.setattr(revoke, "BATCH_SIZE", 10)
    collect(user, 35)
    with CaptureQueriesContext(connection) as queries:
        assert revoke_user_sessions(user, reason="user") == 35
    reads = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert sum("LIMIT 10" in sql for sql in reads) == 4
