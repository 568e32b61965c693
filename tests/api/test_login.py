"""POST login/."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from refresh_sessions.exceptions import SettingsError
from refresh_sessions.models import DeviceSession
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.serializers import LoginSerializer
from tests.api.client import problem
from tests.factories import PASSWORD, UserFactory
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestAnswer:
    def test_login_answer_has_documented_fields(self, login, user):
        body = login(device_name="My phone")
        assert set(body) == {
            *("access", "refresh", "access_expires_at", "refresh_expires_at", "session"),
        }
        session = DeviceSession.objects.get()
        assert body["session"] == {
            "id": str(session.pk),
            "name": "My phone",
            "device": "",
            "kind": "other",
            "ip_address": "127.0.0.1",
            "place": "",
            "created_at": iso(session.created_at),
            "last_used_at": iso(session.created_at),
            "expires_at": iso(session.expires_at),
            "bound": None,
            "is_current": True,
        }

    def test_login_tokens_are_accepted(self, api, login):
        body = login()
        assert api.get("sessions/", access=body["access"]).status_code == 200
        assert api.post("refresh/", {"refresh": body["refresh"]}).status_code == 200

    def test_login_answer_has_expiry_of_tokens(self, login, clock):
        body = login()
        access, refresh = (
            datetime.fromisoformat(body[f"{kind}_expires_at"]) for kind in ("access", "refresh")
        )
        assert timedelta(0) <= clock.now + timedelta(minutes=15) - access < timedelta(seconds=1)
        assert timedelta(0) <= clock.now + timedelta(days=7) - refresh < timedelta(seconds=1)

    def test_login_answer_times_are_in_utc(self, login, settings):
        settings.TIME_ZONE = "Asia/Kathmandu"
        body = login()
        assert body["access_expires_at"].endswith("Z")
        assert body["session"]["created_at"].endswith("Z")

    def test_login_takes_five_queries_plus_last_login(self, login):
        with CaptureQueriesContext(connection) as queries:
            login()
        statements = [query["sql"] for query in queries]
        counted = [
            sql for sql in statements if not sql.startswith(("SAVEPOINT", "RELEASE", "UPDATE"))
        ]
        assert len(counted) == 5
        # The only UPDATE is that of last_login, which Django sends.
        updates = [sql for sql in statements if sql.startswith("UPDATE")]
        assert len(updates) == 1
        assert "last_login" in updates[0]


def iso(instant):
    return instant.isoformat().replace("+00:00", "Z")


class TestRefusal:
    @pytest.fixture
    def inactive(self):
        return UserFactory(is_active=False).get_username()

    def test_login_with_wrong_password_is_401(self, api, credentials):
        answer = api.post("login/", {**credentials, "password": "wrong"})
        assert problem(answer) == (401, "no_active_account")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_login_computes_one_hash_for_each_outcome(self, api, credentials, inactive):
        counts = []
        for body in (
            {**credentials, "password": "wrong"},
            {"username": "nobody@example.org", "password": PASSWORD},
            {"username": inactive, "password": PASSWORD},
            {"username": inactive, "password": "wrong"},
            credentials,
        ):
            with mock.patch.object(
                MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
            ) as encode:
                api.post("login/", body)
            counts.append(encode.call_count)
        assert counts == [1] * 5

    def test_login_of_inactive_user_accepted_by_backend_is_refused(self, api, inactive, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.AllowAllUsersModelBackend"
        ]
        answer = api.post("login/", {"username": inactive, "password": PASSWORD})
        assert problem(answer) == (401, "no_active_account")

    def test_refused_login_writes_nothing(self, api, credentials):
        with CaptureQueriesContext(connection) as queries:
            api.post("login/", {**credentials, "password": "wrong"})
        assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


class TestInput:
    @pytest.mark.parametrize("missing", ["username", "password"])
    def test_login_without_credential_is_400(self, api, credentials, missing):
        del credentials[missing]
        answer = api.post("login/", credentials)
        assert problem(answer) == (400, "invalid")
        assert set(answer.json()["errors"]) == {missing}

    @pytest.mark.parametrize("value", [None, "", [], {}, True, "x" * 5000, "a\x00b", "\ud800"])
    @pytest.mark.parametrize("name", ["username", "password"])
    def test_login_with_malformed_credential_is_refused(self, api, credentials, name, value):
        answer = api.post("login/", {**credentials, name: value})
        assert answer.status_code in {400, 401}
        assert not DeviceSession.objects.exists()

    @pytest.mark.parametrize("name", [None, "", "x" * 128, "Zoë 📱"])
    def test_login_stores_valid_device_name(self, login, name):
        assert login(device_name=name)["session"]["name"] == (name or "")

    @pytest.mark.parametrize("name", ["x" * 129, [], "a\x00b"])
    def test_login_with_invalid_device_name_is_400(self, api, credentials, name):
        answer = api.post("login/", {**credentials, "device_name": name})
        assert problem(answer) == (400, "invalid")

    def test_login_ignores_unknown_fields(self, login):
        login(remember="x", access="y", session={"id": 1})

    @pytest.mark.parametrize("header", ["Bearer expired.or.garbage", "Bearer", "Basic eDp5", "ä"])
    def test_login_ignores_authorization_header(self, api, credentials, header):
        answer = api.post("login/", credentials, headers={"authorization": header})
        assert answer.status_code == 200


class TestDjango:
    def test_login_signals_have_request_without_secret(self, api, credentials, login):
        with heard(user_logged_in) as came_in:
            login()
        with heard(user_login_failed) as failed:
            api.post("login/", {**credentials, "password": "wrong-but-secret"})
        assert came_in[0]["request"].path == "/auth/login/"
        assert failed[0]["request"].path == "/auth/login/"
        assert "wrong-but-secret" not in repr(failed)

    def test_login_endpoint_sets_last_login(self, login, user):
        login()
        user.refresh_from_db()
        assert user.last_login is not None


class RememberingSerializer(LoginSerializer):
    """A login serializer with one more field."""

    remember_me = serializers.BooleanField(default=False)


class RememberingPolicy(SessionPolicy):
    """A longer lifetime for logins with ``remember_me``."""

    def session_lifetime(self, user, *, request, data):
        return timedelta(days=30 if data["remember_me"] else 1)


@pytest.mark.parametrize(("remember", "days"), [(True, 30), (False, 1)])
def test_login_serializer_field_reaches_policy(login, options, remember, days):
    options(
        LOGIN_SERIALIZER=f"{__name__}.RememberingSerializer",
        POLICY=f"{__name__}.RememberingPolicy",
    )
    login(remember_me=remember)
    session = DeviceSession.objects.get()
    assert session.expires_at - session.created_at == timedelta(days=days)


@pytest.mark.parametrize(
    "names",
    [
        {"access": "accessToken", "refresh": "refreshToken"},
        {"access": "access_token", "refresh": "refresh_token", "username": "email"},
        {"password": "secret", "device_name": "device", "session": "device_session"},
    ],
)
def test_login_fields_follow_settings(api, credentials, options, names):
    options(FIELD_NAMES=names)
    public = {names.get(key, key): value for key, value in credentials.items()}
    answer = api.post("login/", {**public, names.get("device_name", "device_name"): "Phone"})
    body = answer.json()
    plain = ("access", "refresh", "access_expires_at", "refresh_expires_at", "session")
    assert set(body) == {names.get(key, key) for key in plain}
    assert body[names.get("session", "session")]["name"] == "Phone"
    refresh = names.get("refresh", "refresh")
    answer = api.post("refresh/", {refresh: body[refresh]})
    assert set(answer.json()) == {names.get(key, key) for key in plain[:4]}


class TestSerializerOfTheProject:
    @pytest.mark.parametrize(
        ("name", "mention"),
        [("EmailLogin", "username"), ("CodeLogin", "password"), ("NothingLogin", "username")],
    )
    def test_login_serializer_without_credentials_is_named_in_the_error(
        self, api, options, name, mention
    ):
        options(LOGIN_SERIALIZER=f"tests.checks.cases.{name}")
        body = {"username": "ada", "email": "ada@example.org", "password": "x", "code": "1"}
        with pytest.raises(SettingsError) as raised:
            api.post("login/", body)
        assert f"'tests.checks.cases.{name}'" in str(raised.value)
        assert f"{mention!r}" in str(raised.value)
        assert "ada" not in str(raised.value)

    def test_login_serializer_with_non_text_password_is_named(self, api, options):
        options(LOGIN_SERIALIZER=f"{__name__}.PinSerializer")
        with pytest.raises(SettingsError, match="PinSerializer"):
            api.post("login/", {"username": "ada", "password": 1234})

    @pytest.mark.parametrize("missing", ["username", "password"])
    def test_login_without_credential_optional_in_serializer_is_400(
        self, api, credentials, options, missing
    ):
        options(LOGIN_SERIALIZER=f"{__name__}.LenientSerializer")
        del credentials[missing]
        answer = api.post("login/", credentials)
        assert problem(answer) == (400, "invalid")
        assert answer.json()["errors"] == {missing: ["This field is required."]}

    def test_login_serializer_can_compute_username(self, api, options, user):
        options(LOGIN_SERIALIZER="tests.checks.cases.Computed")
        body = {"email": user.get_username(), "password": PASSWORD}
        assert api.post("login/", body).status_code == 200


class PinSerializer(LoginSerializer):
    password = serializers.IntegerField()  # type: ignore[assignment]


class LenientSerializer(LoginSerializer):
    username = serializers.CharField(required=False)
    password = serializers.CharField(required=False)
