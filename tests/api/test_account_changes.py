"""Answers after a change of the account, and the stored state."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection

from refresh_sessions.models import RevokedReason
from refresh_sessions.signals import session_revoked
from tests.api.client import problem
from tests.domain.client_actions import kinds, session_of
from tests.factories import make_pair
from tests.listeners import heard

ACCOUNTS = get_user_model()
REVOKED = (401, "session_revoked")

CHANGES = {
    RevokedReason.USER_INACTIVE: {"is_active": False},
    RevokedReason.PASSWORD_CHANGED: {"password": make_password("by SQL")},
}
both_ways = pytest.mark.parametrize("reason", CHANGES)


def change_by_sql(reason):
    ACCOUNTS.objects.update(**CHANGES[reason])


def restore(user):
    ACCOUNTS.objects.filter(pk=user.pk).update(is_active=True, password=user.password)


@pytest.mark.django_db
class TestProjectView:
    @both_ways
    def test_refused_call_at_project_view_revokes_session(
        self, client, user, pair, bearer, reason
    ):
        change_by_sql(reason)
        with heard(session_revoked) as announced:
            for _ in range(2):
                assert problem(client.get("/who-am-i/", headers=bearer(pair))) == REVOKED
        assert [one["reason"] for one in announced] == [reason]
        restore(user)
        assert problem(client.get("/who-am-i/", headers=bearer(pair))) == REVOKED
        answer = client.post("/auth/refresh/", {"refresh": pair.refresh}, format="json")
        assert problem(answer) == REVOKED

    def test_cache_check_refuses_after_save_of_user(self, client, user, bearer, options):
        options(ACCESS_TOKEN_CHECK="cache")
        pair = make_pair(user)
        assert client.get("/who-am-i/", headers=bearer(pair)).status_code == 200
        user.is_active = False
        user.save()
        assert problem(client.get("/who-am-i/", headers=bearer(pair))) == REVOKED


class TestAtomicRequests:
    """The refusal rolls back the transaction of the request, without the revocation."""

    @pytest.fixture(autouse=True)
    def _atomic_requests(self, transactional_db, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    @both_ways
    @pytest.mark.parametrize("check", ["session", "cache"])
    def test_refused_call_in_atomic_requests_revokes_once(
        self, client, user, bearer, options, reason, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        pair = make_pair(user)
        change_by_sql(reason)
        with heard(session_revoked) as announced:
            for _ in range(2):
                assert problem(client.get("/who-am-i/", headers=bearer(pair))) == REVOKED
        assert session_of(pair).revoked_reason == reason
        assert kinds(pair) == ["signed_in", "revoked"]
        assert len(announced) == 1


@pytest.mark.django_db
class TestOwnSessions:
    def test_sessions_from_before_a_password_are_not_listed(self, api, user, options):
        make_pair(user)
        change_by_sql(RevokedReason.PASSWORD_CHANGED)
        pair = make_pair(ACCOUNTS.objects.get(pk=user.pk))
        listed = api.get("sessions/", access=pair.access).json()
        assert [item["id"] for item in listed] == [str(pair.session.pk)]

    def test_revoke_others_counts_usable_sessions_only(self, api, user):
        dead = make_pair(user)
        change_by_sql(RevokedReason.PASSWORD_CHANGED)
        user = ACCOUNTS.objects.get(pk=user.pk)
        make_pair(user)
        pair = make_pair(user)
        answer = api.post("sessions/revoke-others/", access=pair.access)
        assert answer.json() == {"revoked": 1}
        assert session_of(dead).revoked_reason == RevokedReason.PASSWORD_CHANGED

    def test_changed_password_does_not_lock_the_owner_out_of_login(self, api, user, options):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT="deny")
        pairs = [make_pair(user), make_pair(user)]
        ACCOUNTS.objects.update(password=make_password("by SQL"))
        answer = api.post("login/", {"username": user.get_username(), "password": "by SQL"})
        assert answer.status_code == 200
        reasons = {session_of(pair).revoked_reason for pair in pairs}
        assert reasons == {RevokedReason.PASSWORD_CHANGED}
