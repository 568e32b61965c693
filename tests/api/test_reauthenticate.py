"""GET and POST reauthenticate/."""

from datetime import timedelta

import pytest
from django.contrib.auth.signals import user_login_failed

from refresh_sessions.sessions import refresh_session
from refresh_sessions.tokens import access_tokens
from tests.api.client import Client, problem
from tests.domain.stories import family_of, kinds, session_of
from tests.factories import PASSWORD, make_pair
from tests.factors import CODE, Code
from tests.listeners import heard

pytestmark = pytest.mark.django_db

PROOF = {"password": PASSWORD}


METHODS = ("refresh_sessions.identity.PasswordMethod", "tests.factors.Code")


@pytest.fixture
def with_code(ada, options):
    """A user with a second factor, which re-authentication asks for."""
    options(REAUTHENTICATION_METHODS=METHODS)
    return ada


def prove(api, pair, body=None, **options):
    return api.post(
        "reauthenticate/", PROOF if body is None else body, access=pair.access, **options
    )


class TestPassword:
    def test_answers_as_login_does(self, api, login, clock):
        first = login(device_name="Phone")
        clock.move(timedelta(minutes=10))
        answer = api.post("reauthenticate/", PROOF, access=first["access"])
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == set(first)
        assert body["session"]["id"] == first["session"]["id"]
        claims = access_tokens.verify(body["access"])
        assert claims.authentication_methods == ("pwd",)
        assert claims.authenticated_at == clock.now.replace(microsecond=0)
        assert api.post("refresh/", {"refresh": body["refresh"]}).status_code == 200

    def test_right_after_a_refresh_the_refresh_token_stays(self, api, pair):
        new = refresh_session(pair.refresh)
        body = prove(api, new).json()
        assert set(body) == {"access", "access_expires_at", "session"}
        answer = api.post("sessions/revoke-others/", access=body["access"])
        assert answer.status_code == 200

    def test_by_the_names_of_the_project(self, api, pair, options):
        options(FIELD_NAMES={"password": "passphrase", "access": "accessToken"})
        answer = prove(api, pair, {"passphrase": PASSWORD})
        assert answer.status_code == 200
        assert "accessToken" in answer.json()

    def test_in_cookie_mode_the_cookie_is_replaced(self, options, pair):
        options(TRANSPORT="cookie")
        api = Client()
        answer = prove(api, pair)
        assert "refresh" not in answer.json()
        token = answer.cookies["__Host-refresh_token"].value
        api.raw.cookies["__Host-refresh_token"] = token
        assert api.post("refresh/").status_code == 200
        assert family_of(pair).generation == 2

    def test_spaces_belong_to_it(self, api, user, options):
        user.set_password(" pass word ")
        user.save()
        pair = make_pair(user)
        assert problem(prove(api, pair, {"password": "pass word"}))[0] == 401
        assert prove(api, pair, {"password": " pass word "}).status_code == 200

    def test_needs_an_access_token(self, api, pair):
        assert problem(api.post("reauthenticate/", PROOF)) == (401, "not_authenticated")
        answer = api.post("reauthenticate/", PROOF, access=pair.refresh)
        assert problem(answer) == (401, "token_not_valid")

    def test_asks_the_database_even_when_others_are_stateless(self, api, pair, options):
        options(ACCESS_TOKEN_CHECK="stateless")
        assert prove(api, pair).status_code == 200


class TestWrongProof:
    @pytest.mark.parametrize(
        "password", ["wrong", "", 7, True, ["x"], {"a": 1}, "x" * 5000, PASSWORD.upper()]
    )
    def test_is_refused(self, api, pair, password):
        answer = prove(api, pair, {"password": password})
        assert problem(answer) == (401, "reauthentication_failed")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_changes_nothing_but_the_record(self, api, pair):
        before = family_of(pair)
        prove(api, pair, {"password": "wrong"}, REMOTE_ADDR="203.0.113.9")
        after = family_of(pair)
        assert (after.generation, after.authenticated_at) == (1, before.authenticated_at)
        assert kinds(pair) == ["signed_in", "reauthentication_failed"]
        event = session_of(pair).events.last()
        assert (event.details, event.ip_address) == ({"methods": ["password"]}, "203.0.113.9")
        assert event.actor == session_of(pair).user

    def test_that_of_another_user(self, api, pair, user):
        other = make_pair()
        other.session.user.set_password("other people's")
        other.session.user.save()
        answer = prove(api, pair, {"password": "other people's"})
        assert problem(answer) == (401, "reauthentication_failed")

    def test_is_told_to_those_who_count_failures(self, api, pair, user):
        with heard(user_login_failed) as failed:
            prove(api, pair, {"password": "wrong"})
        (told,) = failed
        assert told["credentials"]["username"] == user.get_username()
        assert "wrong" not in str(told["credentials"])
        assert told["request"].path == "/auth/reauthenticate/"

    def test_nothing_at_all_says_what_is_missing_and_is_not_counted_as_wrong(self, api, pair):
        for body in ({}, {"password": None}, {"code": "1"}):
            answer = prove(api, pair, body)
            assert problem(answer) == (400, "proof_incomplete")
            assert answer.json()["methods"] == [{"name": "password", "factor": "first"}]
        assert kinds(pair) == ["signed_in"]

    @pytest.mark.parametrize("body", [[], "x", 7])
    def test_what_is_no_object(self, api, pair, body):
        assert problem(prove(api, pair, body)) == (400, "invalid")


class TestThrottle:
    def test_five_a_minute_per_session(self, api, user):
        pair, other = make_pair(user), make_pair(user)
        wrong = [prove(api, pair, {"password": "wrong"}).status_code for _ in range(5)]
        assert wrong == [401] * 5
        assert problem(prove(api, pair)) == (429, "throttled")
        assert prove(api, other).status_code == 200
        assert kinds(pair).count("reauthentication_failed") == 5

    def test_asking_is_free(self, api, pair):
        answers = [api.get("reauthenticate/", access=pair.access) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}


class TestNoMethod:
    def test_a_user_without_password_is_refused(self, api, user):
        user.set_unusable_password()
        user.save()
        pair = make_pair(user)
        for body in (PROOF, {"password": "!"}, {}):
            answer = prove(api, pair, body)
            assert problem(answer) == (403, "reauthentication_unavailable")
        assert family_of(pair).generation == 1

    def test_nor_does_a_project_without_methods_let_anybody_pass(self, api, pair, options):
        options(REAUTHENTICATION_METHODS=())
        assert problem(prove(api, pair)) == (403, "reauthentication_unavailable")


class TestSeveralMethods:
    def test_with_a_second_factor_the_password_alone_is_not_enough(self, api, with_code):
        answer = prove(api, make_pair(with_code))
        assert problem(answer) == (400, "proof_incomplete")
        assert answer.json()["methods"] == [{"name": "code", "factor": "second"}]

    def test_nor_is_the_second_factor(self, api, with_code):
        answer = prove(api, make_pair(with_code), {"code": CODE})
        assert problem(answer) == (400, "proof_incomplete")

    def test_both_are(self, api, with_code):
        answer = prove(api, make_pair(with_code), {**PROOF, "code": CODE})
        claims = access_tokens.verify(answer.json()["access"])
        assert claims.authentication_methods == ("pwd", "otp")

    @pytest.mark.parametrize(
        "body", [{**PROOF, "code": "000000"}, {"password": "wrong", "code": CODE}]
    )
    def test_one_that_is_wrong_spoils_the_other(self, api, with_code, body):
        pair = make_pair(with_code)
        answer = prove(api, pair, body)
        assert problem(answer) == (401, "reauthentication_failed")
        assert session_of(pair).events.last().details == {"methods": ["password", "code"]}

    def test_the_code_is_not_asked_of_who_does_not_know_the_password(
        self, api, with_code, monkeypatch
    ):
        asked = []
        monkeypatch.setattr(Code, "verify", lambda *args: asked.append(args))
        prove(api, make_pair(with_code), {"password": "wrong", "code": CODE})
        assert asked == []

    def test_a_wrong_code_is_told_to_those_who_count_failures(self, api, with_code):
        with heard(user_login_failed) as failed:
            prove(api, make_pair(with_code), {**PROOF, "code": "000000"})
        (told,) = failed
        assert told["credentials"] == {"username": "ada@example.org"}
        assert told["sender"] == "tests.factors.Code"

    def test_who_has_no_second_factor_needs_none(self, api, user, options):
        options(REAUTHENTICATION_METHODS=METHODS)
        assert prove(api, make_pair(user)).status_code == 200

    def test_of_two_first_factors_one_will_do(self, api, user, options):
        options(REAUTHENTICATION_METHODS=(METHODS[0], "tests.factors.Knock"))
        pair = make_pair(user)
        assert prove(api, pair).status_code == 200
        answer = prove(api, pair, {"knock": "shave and a haircut"})
        assert answer.status_code == 200
        # But what is sent has to be right.
        assert prove(api, pair, {**PROOF, "knock": "two bits"}).status_code == 401


class TestAsking:
    def test_when_a_proof_is_needed(self, api, pair, clock):
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

    def test_after_a_sign_in_without_the_second_factor(self, api, with_code):
        pair = make_pair(with_code, methods=("pwd",))
        asked = api.get("reauthenticate/", access=pair.access).json()
        assert asked["required"] is True
        assert [method["name"] for method in asked["methods"]] == ["password", "code"]

    def test_where_no_proof_is_known(self, api, pair, clock):
        refresh_session(pair.refresh)
        clock.move(timedelta(seconds=11))
        recovered = refresh_session(pair.refresh)
        asked = api.get("reauthenticate/", access=recovered.access).json()
        assert (asked["required"], asked["authenticated_at"]) == (True, None)

    def test_needs_an_access_token(self, api, db):
        assert problem(api.get("reauthenticate/")) == (401, "not_authenticated")
