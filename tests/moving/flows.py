"""Run by test_moving.py, in a process of its own: these apps are not in everybody's settings."""

from datetime import timedelta

import pytest
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework_simplejwt.settings import DEFAULTS as SIMPLE_JWT
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import start_session
from tests.api.client import problem
from tests.factories import PASSWORD
from tests.moving.written import PAGE

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
    def test_of_both_are_good(self, client, user, old):
        for token in (old["access"], start_session(user).access):
            assert client.get("/me/", headers=bearer(token)).json() == {"user": str(user.pk)}

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJ0eXAiOiJKV1QifQ.e30.c2ln"])
    def test_of_nobody_are_not(self, client, token):
        assert client.get("/me/", headers=bearer(token)).status_code == 401

    def test_of_the_other_kind_are_not(self, client, user, old):
        for token in (old["refresh"], start_session(user).refresh):
            assert client.get("/me/", headers=bearer(token)).status_code == 401

    def test_that_have_expired_are_not(self, client, user):
        token = AccessToken.for_user(user)
        token.set_exp(lifetime=timedelta(seconds=-1))
        assert problem(client.get("/me/", headers=bearer(token)))[0] == 401

    def test_of_the_other_package_are_no_session(self, client, old):
        assert problem(client.get("/sensitive/", headers=bearer(old["access"]))) == (
            401,
            "not_authenticated",
        )
        answer = client.get("/auth/sessions/", headers=bearer(old["access"]))
        assert problem(answer) == (401, "token_not_valid")


class TestExchange:
    def test_gives_a_session(self, client, user, old, refresh):
        new = refresh(old["refresh"])
        assert new.status_code == 200
        assert client.get("/me/", headers=bearer(new.json()["access"])).json() == {
            "user": str(user.pk)
        }
        assert refresh(new.json()["refresh"]).status_code == 200
        assert DeviceSession.objects.get().user == user

    def test_is_no_proof_of_identity(self, client, old, refresh):
        new = refresh(old["refresh"]).json()
        headers = bearer(new["access"])
        answer = client.get("/sensitive/", headers=headers)
        assert problem(answer) == (401, "reauthentication_required")
        proven = client.post(
            "/auth/reauthenticate/", {"password": PASSWORD}, "json", headers=headers
        )
        headers = bearer(proven.json()["access"])
        assert client.get("/sensitive/", headers=headers).status_code == 200

    def test_happens_once(self, old, refresh, clock):
        assert refresh(old["refresh"]).status_code == 200
        assert problem(refresh(old["refresh"])) == (409, "refresh_superseded")
        clock.move(timedelta(seconds=11))
        assert problem(refresh(old["refresh"])) == (401, "token_not_valid")
        assert DeviceSession.objects.count() == 1

    def test_is_refused_to_whoever_is_deactivated(self, user, old, refresh):
        user.is_active = False
        user.save()
        assert refresh(old["refresh"]).status_code == 401
        assert not DeviceSession.objects.exists()

    def test_is_refused_to_access_tokens_and_forgeries(self, old, refresh):
        header, payload, signature = old["refresh"].split(".")
        forged = ".".join((header, payload, signature[::-1]))
        for token in (old["access"], forged):
            assert problem(refresh(token)) == (401, "token_not_valid")

    def test_is_refused_when_the_old_token_has_expired(self, user, refresh):
        token = RefreshToken.for_user(user)
        token.set_exp(lifetime=timedelta(seconds=-1))
        assert problem(refresh(str(token))) == (401, "token_not_valid")

    @pytest.mark.parametrize("token", [None, "", "x", 3, ["a"]])
    def test_of_nothing_is_answered_as_ever(self, refresh, token):
        assert refresh(token).status_code in {400, 401}


class TestKnox:
    def test_tokens_of_both_are_good(self, client, user):
        _, old = AuthToken.objects.create(user)
        new = start_session(user).access
        for headers in (bearer(old, "Token"), bearer(new)):
            assert client.get("/with-knox/", headers=headers).json() == {"user": str(user.pk)}

    def test_a_token_is_exchanged_once(self, client, user):
        _, old = AuthToken.objects.create(user)
        answer = client.post("/move/", headers=bearer(old, "Token"))
        new = bearer(answer.json()["access"])
        assert client.get("/with-knox/", headers=new).json() == {"user": str(user.pk)}
        assert client.post("/move/", headers=bearer(old, "Token")).status_code == 401
        assert DeviceSession.objects.count() == 1

    def test_nobody_comes_in_without(self, client):
        assert client.post("/move/").status_code == 401


class TestPage:
    """It maps each setting of the other packages."""

    @pytest.mark.parametrize("name", [name for name in SIMPLE_JWT if "SLIDING" not in name])
    def test_simplejwt(self, name):
        named = f"`{name}`" in PAGE.read_text("utf-8")
        assert named or name.endswith("_SERIALIZER")

    @pytest.mark.parametrize("name", knox_settings.defaults)
    def test_knox(self, name):
        assert f"`{name}`" in PAGE.read_text("utf-8")
