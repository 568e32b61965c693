"""``test_migrating.py`` runs these tests in their own process, with more INSTALLED_APPS."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework.views import APIView
from rest_framework_simplejwt.settings import DEFAULTS as SIMPLE_JWT
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import revoke_session, start_session
from tests.api.client import problem
from tests.factories import PASSWORD, UserFactory
from tests.migrating.page_code import PAGE

pytestmark = pytest.mark.django_db

REFRESH = "/api/token/refresh/"


def bearer(token, scheme="Bearer"):
    return {"authorization": f"{scheme} {token}"}


@pytest.fixture
def old(client, user):
    """The answer of simplejwt's login."""
    body = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
    return client.post("/old/token/", body, "json").json()


@pytest.fixture
def refresh(client):
    def send(token):
        return client.post(REFRESH, {"refresh": token}, "json")

    return send


class TestAccessTokens:
    def test_access_tokens_of_both_packages_are_accepted(self, client, user, old):
        for token in (old["access"], start_session(user).access):
            assert client.get("/me/", headers=bearer(token)).json() == {"user": str(user.pk)}

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJ0eXAiOiJKV1QifQ.e30.c2ln"])
    def test_malformed_access_token_is_refused(self, client, token):
        assert client.get("/me/", headers=bearer(token)).status_code == 401

    def test_refresh_token_as_access_token_is_refused(self, client, user, old):
        for token in (old["refresh"], start_session(user).refresh):
            assert client.get("/me/", headers=bearer(token)).status_code == 401

    def test_expired_access_tokens_are_refused(self, client, user):
        token = AccessToken.for_user(user)
        token.set_exp(lifetime=timedelta(seconds=-1))
        assert problem(client.get("/me/", headers=bearer(token)))[0] == 401

    def test_simplejwt_access_token_has_no_session(self, client, old):
        assert problem(client.get("/sensitive/", headers=bearer(old["access"]))) == (
            401,
            "not_authenticated",
        )
        answer = client.get("/auth/sessions/", headers=bearer(old["access"]))
        assert problem(answer) == (401, "token_not_valid")


class TestExchange:
    def test_exchange_of_old_token_gives_session(self, client, user, old, refresh):
        new = refresh(old["refresh"])
        assert new.status_code == 200
        assert client.get("/me/", headers=bearer(new.json()["access"])).json() == {
            "user": str(user.pk)
        }
        assert refresh(new.json()["refresh"]).status_code == 200
        assert DeviceSession.objects.get().user == user

    def test_exchange_of_old_token_gives_no_auth_time(self, client, old, refresh):
        new = refresh(old["refresh"]).json()
        headers = bearer(new["access"])
        answer = client.get("/sensitive/", headers=headers)
        assert problem(answer) == (401, "reauthentication_required")
        reauthenticated = client.post(
            "/auth/reauthenticate/", {"password": PASSWORD}, "json", headers=headers
        )
        headers = bearer(reauthenticated.json()["access"])
        assert client.get("/sensitive/", headers=headers).status_code == 200

    def test_exchange_of_old_token_succeeds_once(self, old, refresh, clock):
        assert refresh(old["refresh"]).status_code == 200
        assert problem(refresh(old["refresh"])) == (409, "refresh_superseded")
        clock.move(timedelta(seconds=11))
        assert problem(refresh(old["refresh"])) == (401, "token_not_valid")
        assert DeviceSession.objects.count() == 1

    def test_exchange_for_inactive_user_is_refused(self, user, old, refresh):
        user.is_active = False
        user.save()
        assert refresh(old["refresh"]).status_code == 401
        assert not DeviceSession.objects.exists()

    def test_exchange_of_access_token_or_forgery_is_refused(self, old, refresh):
        header, payload, signature = old["refresh"].split(".")
        forged = ".".join((header, payload, signature[::-1]))
        for token in (old["access"], forged):
            assert problem(refresh(token)) == (401, "token_not_valid")

    def test_exchange_of_expired_token_is_refused(self, user, refresh):
        token = RefreshToken.for_user(user)
        token.set_exp(lifetime=timedelta(seconds=-1))
        assert problem(refresh(str(token))) == (401, "token_not_valid")

    @pytest.mark.parametrize("token", [None, "", "x", 3, ["a"]])
    def test_exchange_without_token_is_answered_like_refresh(self, refresh, token):
        assert refresh(token).status_code in {400, 401}


class TestRevocation:
    """Revoking all sessions of a user also revokes the old tokens."""

    @pytest.fixture
    def is_good(self, client, refresh):
        """Return whether the access and the refresh token of simplejwt are accepted."""

        def look(old):
            called = client.get("/me/", headers=bearer(old["access"])).status_code == 200
            return called, refresh(old["refresh"]).status_code == 200

        return look

    @pytest.mark.parametrize("url", ["/auth/logout/", "/api/token/blacklist/"])
    def test_logout_with_old_refresh_token_blacklists_token(
        self, client, old, is_good, clock, url
    ):
        for _ in range(2):
            assert client.post(url, {"refresh": old["refresh"]}, "json").status_code == 204
        clock.move(timedelta(seconds=11))
        assert is_good(old) == (True, False)

    def test_logout_with_old_access_token_is_refused(self, client, old, is_good):
        answer = client.post("/auth/logout/", headers=bearer(old["access"]))
        assert problem(answer) == (401, "token_not_valid")
        assert is_good(old) == (True, True)

    def test_logout_with_forged_token_is_refused(self, client, old):
        header, payload, signature = old["refresh"].split(".")
        forged = ".".join((header, payload, signature[::-1]))
        answer = client.post("/auth/logout/", {"refresh": forged}, "json")
        assert problem(answer) == (401, "token_not_valid")

    def test_logout_with_new_token_revokes_session(self, client, user):
        pair = start_session(user)
        assert client.post("/auth/logout/", {"refresh": pair.refresh}, "json").status_code == 204
        assert client.get("/me/", headers=bearer(pair.access)).status_code == 401

    @pytest.mark.parametrize("path", ["revoke-all", "revoke-others"])
    def test_revoking_all_sessions_revokes_old_tokens(self, client, user, old, is_good, path):
        other = RefreshToken.for_user(UserFactory())
        headers = bearer(start_session(user, methods=("pwd",)).access)
        assert client.post(f"/auth/sessions/{path}/", headers=headers).status_code == 200
        assert is_good(old) == (False, False)
        assert is_good({"access": other.access_token, "refresh": str(other)}) == (True, True)

    def test_revoking_all_sessions_without_reauthentication_keeps_old_tokens(
        self, client, user, old, is_good
    ):
        headers = bearer(start_session(user, authenticated=False).access)
        assert client.post("/auth/sessions/revoke-all/", headers=headers).status_code == 401
        assert is_good(old) == (True, True)

    @pytest.mark.parametrize("with_session", [True, False])
    def test_password_change_revokes_old_tokens(self, user, old, is_good, with_session):
        if with_session:
            start_session(user)
        user.set_password("another password")
        user.save()
        assert is_good(old) == (False, False)

    def test_password_change_revokes_unlisted_old_tokens(self, user, is_good):
        token = RefreshToken.for_user(user)
        OutstandingToken.objects.all().delete()
        user.set_password("another password")
        user.save(update_fields=["password"])
        assert is_good({"access": token.access_token, "refresh": str(token)}) == (False, False)

    def test_hash_upgrade_keeps_old_tokens(self, client, user, old, is_good):
        hashed = make_password(PASSWORD, hasher="pbkdf2_sha256")
        type(user).objects.filter(pk=user.pk).update(password=hashed)
        body = {user.USERNAME_FIELD: user.get_username(), "password": PASSWORD}
        assert client.post("/old/token/", body, "json").status_code == 200
        user.refresh_from_db()
        assert user.password != hashed
        assert is_good(old) == (True, True)

    def test_revocation_by_staff_revokes_old_tokens(self, user, old, is_good):
        revoke_session(start_session(user).session, reason="admin")
        assert is_good(old) == (False, False)

    def test_tokens_issued_after_revocation_are_accepted(self, user, old, is_good, clock):
        revoke_session(start_session(user).session, reason="admin")
        clock.move(timedelta(seconds=1))
        token = RefreshToken.for_user(user)
        assert is_good({"access": token.access_token, "refresh": str(token)}) == (True, True)

    def test_inactive_user_with_old_tokens_is_refused(self, user, old, is_good):
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert is_good(old) == (False, False)


def test_settings_name_authentication_class_of_page():
    (found,) = APIView.authentication_classes
    assert f"{found.__module__}.{found.__qualname__}" == "shop.moving.EitherToken"


class TestKnox:
    def test_knox_token_or_access_token_is_accepted(self, client, user):
        _, old = AuthToken.objects.create(user)
        new = start_session(user).access
        for headers in (bearer(old, "Token"), bearer(new)):
            assert client.get("/with-knox/", headers=headers).json() == {"user": str(user.pk)}

    def test_exchange_of_knox_token_succeeds_once(self, client, user):
        _, old = AuthToken.objects.create(user)
        answer = client.post("/move/", headers=bearer(old, "Token"))
        new = bearer(answer.json()["access"])
        assert client.get("/with-knox/", headers=new).json() == {"user": str(user.pk)}
        assert client.post("/move/", headers=bearer(old, "Token")).status_code == 401
        assert DeviceSession.objects.count() == 1

    def test_request_without_knox_token_is_refused(self, client):
        assert client.post("/move/").status_code == 401


class TestPage:
    """The page maps each setting of the other packages."""

    @pytest.mark.parametrize("name", [name for name in SIMPLE_JWT if "SLIDING" not in name])
    def test_page_names_each_simplejwt_setting(self, name):
        named = f"`{name}`" in PAGE.read_text("utf-8")
        assert named or name.endswith("_SERIALIZER")

    @pytest.mark.parametrize("name", knox_settings.defaults)
    def test_page_names_each_knox_setting(self, name):
        assert f"`{name}`" in PAGE.read_text("utf-8")
