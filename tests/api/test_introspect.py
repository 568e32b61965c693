"""``introspect/``: would this token be accepted now? Asked by services, told without a trace."""

import base64
import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import TokenFamily
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import check_contract, problem
from tests.domain.stories import AFTER_OVERLAP, family_of, kinds, session_of
from tests.factories import make_pair
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db

SECRET = "a service's secret, which is long enough"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()


def basic(name="billing", secret=SECRET) -> dict[str, str]:
    credentials = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return {"authorization": f"Basic {credentials}"}


@pytest.fixture(autouse=True)
def _clients(options):
    options(INTROSPECTION_CLIENTS={"billing": DIGEST})


@pytest.fixture
def ask(api):
    """Ask about a token, and see that nothing was written."""

    def introspect(token, hint=None):
        body = {"token": token} | ({"token_type_hint": hint} if hint else {})
        with CaptureQueriesContext(connection) as queries:
            answer = api.post("introspect/", body, headers=basic())
        assert answer.status_code == 200
        assert {query["sql"].split()[0] for query in queries} <= {"SELECT"}
        return answer.json()

    return introspect


INACTIVE = {"active": False}


class TestAccessTokens:
    def test_active_ones_say_all_they_say(self, ask, pair):
        _, claims = parts(pair.access)
        assert ask(pair.access) == {"active": True, "token_type": "Bearer", **claims}

    @pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of"])
    def test_a_hint_hides_nothing(self, ask, pair, hint):
        assert ask(pair.access, hint)["active"] is True

    def test_expired(self, ask, pair, clock):
        clock.move(timedelta(minutes=16))
        assert ask(pair.access) == INACTIVE

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_of_an_ended_session_whatever_is_checked_elsewhere(self, ask, pair, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        assert ask(pair.access)["active"] is True
        revoke_session(pair.session, reason="admin")
        assert ask(pair.access) == INACTIVE

    def test_of_a_user_with_another_password(self, ask, pair, user):
        user.set_password("another")
        user.save()
        assert ask(pair.access) == INACTIVE

    def test_of_a_superseded_generation(self, ask, pair, clock):
        held = pair
        for _ in range(2):
            clock.move(AFTER_OVERLAP)
            held = refresh_session(held.refresh)
        assert ask(pair.access) == INACTIVE
        assert ask(held.access)["active"] is True

    def test_asking_is_no_evidence_of_delivery(self, ask, pair, clock):
        clock.move(AFTER_OVERLAP)
        new = refresh_session(pair.refresh)
        assert ask(new.access)["active"] is True
        assert family_of(pair).delivered_at is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(pair.refresh).refresh

    def test_takes_one_query(self, ask, api, pair, django_assert_num_queries):
        with django_assert_num_queries(1):
            api.post("introspect/", {"token": pair.access}, headers=basic())


class TestRefreshTokens:
    def test_are_active_for_who_expects_one(self, ask, pair):
        _, claims = parts(pair.refresh)
        del claims["secret"]
        about = ask(pair.refresh, "refresh_token")
        expected = {"sub": str(pair.session.user_id), "client_id": "refresh_sessions.client"}
        assert about == {"active": True, "token_type": "refresh_token", **claims, **expected}

    @pytest.mark.parametrize("hint", [None, "access_token", "unheard_of"])
    def test_never_pass_for_access_tokens(self, ask, pair, hint):
        assert ask(pair.refresh, hint) == INACTIVE

    def test_used_ones_while_they_may_be_retried_and_no_longer(self, ask, pair, clock):
        clock.move(AFTER_OVERLAP)
        new = refresh_session(pair.refresh)
        assert ask(pair.refresh, "refresh_token")["active"] is True
        clock.move(AFTER_OVERLAP)
        assert ask(pair.refresh, "refresh_token")["active"] is True
        refresh_session(new.refresh)
        clock.move(AFTER_OVERLAP)
        assert ask(pair.refresh, "refresh_token") == INACTIVE
        assert session_of(pair).revoked_at is None
        assert kinds(pair) == ["signed_in"]

    def test_of_an_idle_session(self, ask, pair, clock):
        clock.move(timedelta(days=8))
        assert ask(pair.refresh, "refresh_token") == INACTIVE

    def test_of_an_ended_session(self, ask, pair):
        revoke_session(pair.session, reason="admin")
        assert ask(pair.refresh, "refresh_token") == INACTIVE

    def test_of_a_session_that_may_not_refresh(self, ask, pair, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = refresh_session(pair.refresh)
        assert ask(new.refresh, "refresh_token")["active"] is True
        TokenFamily.objects.update(rotated_at=None)
        assert ask(new.refresh, "refresh_token") == INACTIVE


class TestRequests:
    def test_as_a_form(self, api, pair):
        answer = api.raw.post(
            "/auth/introspect/",
            f"token={pair.access}&token_type_hint=access_token",
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        check_contract(answer)
        assert answer.json()["active"] is True

    @pytest.mark.parametrize(
        "form", ["", "token=", "tokens=x", "token_type_hint=access_token", "token%00=x"]
    )
    def test_without_a_token(self, api, form):
        answer = api.raw.post(
            "/auth/introspect/",
            form,
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        check_contract(answer)
        assert problem(answer) == (400, "invalid_request")
        assert answer.json()["error"] == "invalid_request"

    @pytest.mark.parametrize("token", [None, "", 7, [], {}, True])
    def test_with_something_else_in_its_place(self, api, token):
        answer = api.post("introspect/", {"token": token}, headers=basic())
        assert problem(answer) == (400, "invalid_request")

    @pytest.mark.parametrize("form", ["token=a&token=b", "token=a&token=a"])
    def test_with_two_tokens(self, api, form):
        answer = api.raw.post(
            "/auth/introspect/",
            form,
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        assert problem(answer) == (400, "parse_error")

    def test_with_more_fields_than_django_takes(self, api):
        answer = api.raw.post(
            "/auth/introspect/",
            "&".join(f"f{i}=x" for i in range(2000)),
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        check_contract(answer)
        assert problem(answer) == (400, "parse_error")

    def test_the_names_are_those_of_the_rfc(self, api, pair, options):
        options(FIELD_NAMES={"access": "token", "refresh": "refreshToken"})
        answer = api.post("introspect/", {"token": pair.access}, headers=basic())
        assert answer.json()["active"] is True


CREDENTIALS = [
    {},
    basic(secret="wrong"),
    basic(name="nobody"),
    basic(name=""),
    basic(secret=""),
    basic(secret=DIGEST),
    {"authorization": "Basic"},
    {"authorization": "Basic !"},
    {"authorization": "Basic /w=="},
    {"authorization": "Basic " + base64.b64encode(b"billing").decode()},
    {"authorization": basic()["authorization"].replace("Basic", "Bearer")},
]


class TestClients:
    def test_nobody_may_ask_unless_somebody_is_named(self, api, pair, options):
        options(INTROSPECTION_CLIENTS={})
        for headers in (basic(), {}):
            answer = api.post("introspect/", {"token": pair.access}, headers=headers)
            assert problem(answer) == (404, "not_found")

    @pytest.mark.parametrize("headers", CREDENTIALS, ids=str)
    def test_others_are_told_nothing(self, api, pair, headers, django_assert_num_queries):
        with django_assert_num_queries(0):
            answer = api.post("introspect/", {"token": pair.access}, headers=headers)
        assert problem(answer) == (401, "invalid_client")
        assert answer["WWW-Authenticate"].startswith("Basic ")

    def test_a_user_is_no_service(self, api, pair):
        answer = api.post("introspect/", {"token": pair.access}, access=pair.access)
        assert problem(answer) == (401, "invalid_client")

    def test_each_has_a_secret_of_its_own(self, api, pair, options):
        other = hashlib.sha256(b"other").hexdigest()
        options(INTROSPECTION_CLIENTS={"billing": DIGEST, "mail": other})
        body = {"token": pair.access}
        assert api.post("introspect/", body, headers=basic("mail", "other")).json()["active"]
        answer = api.post("introspect/", body, headers=basic("mail"))
        assert problem(answer) == (401, "invalid_client")


class Tenants(SessionPolicy):
    def access_token_claims(self, user, *, session, request):
        return {"tenant": "blue"}


def test_what_a_policy_added_is_told(ask, user, options):
    options(POLICY="tests.api.test_introspect.Tenants")
    assert ask(make_pair(user).access)["tenant"] == "blue"
