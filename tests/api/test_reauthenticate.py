"""GET and POST reauthenticate/."""

from datetime import timedelta

import pytest
from django.contrib.auth.signals import user_login_failed

from refresh_sessions.sessions import refresh_session
from refresh_sessions.tokens import access_tokens
from tests.api.client import Client, problem
from tests.domain.client_actions import family_of, kinds, session_of
from tests.factories import PASSWORD, make_pair
from tests.factors import CODE, Code
from tests.listeners import heard

pytestmark = pytest.mark.django_db

BY_PASSWORD = {"password": PASSWORD}


METHODS = ("refresh_sessions.identity.PasswordMethod", "tests.factors.Code")


@pytest.fixture
def with_code(ada, options):
    """A user with a second factor, which re-authentication asks for."""
    options(REAUTHENTICATION_METHODS=METHODS)
    return ada


def reauthenticate(api, pair, body=None, **options):
    return api.post(
        "reauthenticate/", BY_PASSWORD if body is None else body, access=pair.access, **options
    )


class TestPassword:
    def test_reauthentication_answers_like_login(self, api, login, clock):
        first = login(device_name="Phone")
        clock.move(timedelta(minutes=10))
        answer = api.post("reauthenticate/", BY_PASSWORD, access=first["access"])
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == set(first)
        assert body["session"]["id"] == first["session"]["id"]
        claims = access_tokens.verify(body["access"])
        assert claims.authentication_methods == ("pwd",)
        assert claims.authenticated_at == clock.now.replace(microsecond=0)
        assert api.post("refresh/", {"refresh": body["refresh"]}).status_code == 200

    def test_reauthentication_right_after_refresh_keeps_refresh_token(self, api, pair):
        new = refresh_session(pair.refresh)
        body = reauthenticate(api, new).json()
        assert set(body) == {"access", "access_expires_at", "session"}
        answer = api.post("sessions/revoke-others/", access=body["access"])
        assert answer.status_code == 200

    def test_reauthentication_fields_follow_settings(self, api, pair, options):
        options(FIELD_NAMES={"password": "passphrase", "access": "accessToken"})
        answer = reauthenticate(api, pair, {"passphrase": PASSWORD})
        assert answer.status_code == 200
        assert "accessToken" in answer.json()

    def test_reauthentication_with_cookie_transport_replaces_cookie(self, options, pair):
        options(TRANSPORT="cookie")
        api = Client()
        answer = reauthenticate(api, pair)
        assert "refresh" not in answer.json()
        token = answer.cookies["__Host-refresh_token"].value
        api.raw.cookies["__Host-refresh_token"] = token
        assert api.post("refresh/").status_code == 200
        assert family_of(pair).generation == 2

    def test_reauthentication_keeps_spaces_of_password(self, api, user, options):
        user.set_password(" pass word ")
        user.save()
        pair = make_pair(user)
        assert problem(reauthenticate(api, pair, {"password": "pass word"}))[0] == 401
        assert reauthenticate(api, pair, {"password": " pass word "}).status_code == 200

    def test_reauthentication_without_access_token_is_401(self, api, pair):
        assert problem(api.post("reauthenticate/", BY_PASSWORD)) == (401, "not_authenticated")
        answer = api.post("reauthenticate/", BY_PASSWORD, access=pair.refresh)
        assert problem(answer) == (401, "token_not_valid")

    def test_reauthentication_with_stateless_check_reads_database(self, api, pair, options):
        options(ACCESS_TOKEN_CHECK="stateless")
        assert reauthenticate(api, pair).status_code == 200


class TestFailedReauthentication:
    @pytest.mark.parametrize(
        "password", ["wrong", "", 7, True, ["x"], {"a": 1}, "x" * 5000, PASSWORD.upper()]
    )
    def test_reauthentication_with_wrong_password_is_401(self, api, pair, password):
        answer = reauthenticate(api, pair, {"password": password})
        assert problem(answer) == (401, "reauthentication_failed")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_failed_reauthentication_records_event_alone(self, api, pair):
        before = family_of(pair)
        reauthenticate(api, pair, {"password": "wrong"}, REMOTE_ADDR="203.0.113.9")
        after = family_of(pair)
        assert (after.generation, after.authenticated_at) == (1, before.authenticated_at)
        assert kinds(pair) == ["signed_in", "reauthentication_failed"]
        event = session_of(pair).events.last()
        assert (event.details, event.ip_address) == ({"methods": ["password"]}, "203.0.113.9")
        assert event.actor == session_of(pair).user

    def test_reauthentication_with_password_of_another_user_is_401(self, api, pair, user):
        other = make_pair()
        other.session.user.set_password("other people's")
        other.session.user.save()
        answer = reauthenticate(api, pair, {"password": "other people's"})
        assert problem(answer) == (401, "reauthentication_failed")

    def test_failed_reauthentication_sends_user_login_failed(self, api, pair, user):
        with heard(user_login_failed) as failed:
            reauthenticate(api, pair, {"password": "wrong"})
        (told,) = failed
        assert told["credentials"]["username"] == user.get_username()
        assert "wrong" not in str(told["credentials"])
        assert told["request"].path == "/auth/reauthenticate/"

    def test_incomplete_reauthentication_is_400_without_event(self, api, pair):
        for body in ({}, {"password": None}, {"code": "1"}):
            answer = reauthenticate(api, pair, body)
            assert problem(answer) == (400, "proof_incomplete")
            assert answer.json()["methods"] == [{"name": "password", "factor": "first"}]
        assert kinds(pair) == ["signed_in"]

    @pytest.mark.parametrize("body", [[], "x", 7])
    def test_reauthentication_with_malformed_body_is_400(self, api, pair, body):
        assert problem(reauthenticate(api, pair, body)) == (400, "invalid")


class TestThrottle:
    def test_reauthentication_throttle_is_per_session(self, api, user):
        pair, other = make_pair(user), make_pair(user)
        wrong = [reauthenticate(api, pair, {"password": "wrong"}).status_code for _ in range(5)]
        assert wrong == [401] * 5
        assert problem(reauthenticate(api, pair)) == (429, "throttled")
        assert reauthenticate(api, other).status_code == 200
        assert kinds(pair).count("reauthentication_failed") == 5

    def test_reauthentication_status_is_not_throttled(self, api, pair):
        answers = [api.get("reauthenticate/", access=pair.access) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}


class TestWithoutMethods:
    def test_reauthentication_of_user_without_password_is_403(self, api, user):
        user.set_unusable_password()
        user.save()
        pair = make_pair(user)
        for body in (BY_PASSWORD, {"password": "!"}, {}):
            answer = reauthenticate(api, pair, body)
            assert problem(answer) == (403, "reauthentication_unavailable")
        assert family_of(pair).generation == 1

    def test_reauthentication_without_configured_methods_is_403(self, api, pair, options):
        options(REAUTHENTICATION_METHODS=())
        assert problem(reauthenticate(api, pair)) == (403, "reauthentication_unavailable")


class TestSeveralMethods:
    def test_reauthentication_with_password_alone_is_incomplete(self, api, with_code):
        answer = reauthenticate(api, make_pair(with_code))
        assert problem(answer) == (400, "proof_incomplete")
        assert answer.json()["methods"] == [{"name": "code", "factor": "second"}]

    def test_reauthentication_with_second_factor_alone_is_incomplete(self, api, with_code):
        answer = reauthenticate(api, make_pair(with_code), {"code": CODE})
        assert problem(answer) == (400, "proof_incomplete")

    def test_reauthentication_with_both_factors_succeeds(self, api, with_code):
        answer = reauthenticate(api, make_pair(with_code), {**BY_PASSWORD, "code": CODE})
        claims = access_tokens.verify(answer.json()["access"])
        assert claims.authentication_methods == ("pwd", "otp")

    @pytest.mark.parametrize(
        "body", [{**BY_PASSWORD, "code": "000000"}, {"password": "wrong", "code": CODE}]
    )
    def test_reauthentication_with_one_wrong_factor_is_401(self, api, with_code, body):
        pair = make_pair(with_code)
        answer = reauthenticate(api, pair, body)
        assert problem(answer) == (401, "reauthentication_failed")
        assert session_of(pair).events.last().details == {"methods": ["password", "code"]}

    def test_reauthentication_with_wrong_password_does_not_verify_code(
        self, api, with_code, monkeypatch
    ):
        asked = []
        monkeypatch.setattr(Code, "verify", lambda *args: asked.append(args))
        reauthenticate(api, make_pair(with_code), {"password": "wrong", "code": CODE})
        assert asked == []

    def test_reauthentication_with_wrong_code_sends_user_login_failed(self, api, ada, with_code):
        with heard(user_login_failed) as failed:
            reauthenticate(api, make_pair(with_code), {**BY_PASSWORD, "code": "000000"})
        (told,) = failed
        name = ada.get_username()
        assert told["credentials"] == {"username": name, ada.USERNAME_FIELD: name}
        assert told["sender"] == "tests.factors.Code"

    def test_reauthentication_of_user_without_second_factor_needs_password(
        self, api, user, options
    ):
        options(REAUTHENTICATION_METHODS=METHODS)
        assert reauthenticate(api, make_pair(user)).status_code == 200

    def test_reauthentication_with_any_of_two_first_factors_succeeds(self, api, user, options):
        options(REAUTHENTICATION_METHODS=(METHODS[0], "tests.factors.Knock"))
        pair = make_pair(user)
        assert reauthenticate(api, pair).status_code == 200
        answer = reauthenticate(api, pair, {"knock": "shave and a haircut"})
        assert answer.status_code == 200
        # A first factor that is sent must be right.
        assert reauthenticate(api, pair, {**BY_PASSWORD, "knock": "two bits"}).status_code == 401


class TestStatus:
    def test_reauthentication_status_is_required_after_max_age(self, api, pair, clock):
        fresh = api.get("reauthenticate/", access=pair.access).json()
        assert fresh == {
            "required": False,
            "max_age": 300,
            "methods": [{"name": "password", "factor": "first"}],
            "authenticated_at": fresh["authenticated_at"],
        }
        assert fresh["authenticated_at"].endswith("Z")
        clock.move(timedelta(minutes=5, seconds=1))
        stale = api.get("reauthenticate/", access=pair.access).json()
        assert stale == {**fresh, "required": True}

    def test_reauthentication_status_is_required_without_second_factor(self, api, with_code):
        pair = make_pair(with_code, methods=("pwd",))
        asked = api.get("reauthenticate/", access=pair.access).json()
        assert asked["required"] is True
        assert [method["name"] for method in asked["methods"]] == ["password", "code"]

    def test_reauthentication_status_is_required_without_auth_time(self, api, pair, clock):
        refresh_session(pair.refresh)
        clock.move(timedelta(seconds=11))
        recovered = refresh_session(pair.refresh)
        asked = api.get("reauthenticate/", access=recovered.access).json()
        assert (asked["required"], asked["authenticated_at"]) == (True, None)

    def test_reauthentication_status_without_access_token_is_401(self, api, db):
        assert problem(api.get("reauthenticate/")) == (401, "not_authenticated")
