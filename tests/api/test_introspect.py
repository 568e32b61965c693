"""``introspect/``: whether a token would be accepted now. It writes nothing."""

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
from tests.domain.client_actions import AFTER_OVERLAP, family_of, kinds, session_of
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
    """Introspect a token, and check that nothing was written."""

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
    def test_active_access_token_is_introspected_with_all_claims(self, ask, pair):
        _, claims = parts(pair.access)
        assert ask(pair.access) == {"active": True, "token_type": "Bearer", **claims}

    @pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of"])
    def test_access_token_introspection_ignores_wrong_hint(self, ask, pair, hint):
        assert ask(pair.access, hint)["active"] is True

    def test_expired_access_token_is_introspected_inactive(self, ask, pair, clock):
        clock.move(timedelta(minutes=16))
        assert ask(pair.access) == INACTIVE

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    def test_access_token_of_revoked_session_is_introspected_inactive(
        self, ask, pair, options, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        assert ask(pair.access)["active"] is True
        revoke_session(pair.session, reason="admin")
        assert ask(pair.access) == INACTIVE

    def test_access_token_after_password_change_is_introspected_inactive(self, ask, pair, user):
        user.set_password("another")
        user.save()
        assert ask(pair.access) == INACTIVE

    def test_superseded_access_token_is_introspected_inactive(self, ask, pair, clock):
        held = pair
        for _ in range(2):
            clock.move(AFTER_OVERLAP)
            held = refresh_session(held.refresh)
        assert ask(pair.access) == INACTIVE
        assert ask(held.access)["active"] is True

    def test_introspection_records_no_delivery(self, ask, pair, clock):
        clock.move(AFTER_OVERLAP)
        new = refresh_session(pair.refresh)
        assert ask(new.access)["active"] is True
        assert family_of(pair).delivered_at is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(pair.refresh).refresh

    def test_introspection_takes_one_query(self, ask, api, pair, django_assert_num_queries):
        with django_assert_num_queries(1):
            api.post("introspect/", {"token": pair.access}, headers=basic())


class TestRefreshTokens:
    def test_refresh_token_with_hint_is_introspected_active(self, ask, pair):
        _, claims = parts(pair.refresh)
        del claims["secret"]
        about = ask(pair.refresh, "refresh_token")
        expected = {"sub": str(pair.session.user_id), "client_id": "refresh_sessions.client"}
        assert about == {"active": True, "token_type": "refresh_token", **claims, **expected}

    @pytest.mark.parametrize("hint", [None, "access_token", "unheard_of"])
    def test_refresh_token_without_hint_is_introspected_inactive(self, ask, pair, hint):
        assert ask(pair.refresh, hint) == INACTIVE

    def test_used_refresh_token_is_introspected_active_until_delivery(self, ask, pair, clock):
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

    def test_refresh_token_of_idle_session_is_introspected_inactive(self, ask, pair, clock):
        clock.move(timedelta(days=8))
        assert ask(pair.refresh, "refresh_token") == INACTIVE

    def test_refresh_token_of_revoked_session_is_introspected_inactive(self, ask, pair):
        revoke_session(pair.session, reason="admin")
        assert ask(pair.refresh, "refresh_token") == INACTIVE

    def test_refresh_token_at_refresh_limit_is_introspected_inactive(self, ask, pair, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = refresh_session(pair.refresh)
        assert ask(new.refresh, "refresh_token")["active"] is True
        TokenFamily.objects.update(rotated_at=None)
        assert ask(new.refresh, "refresh_token") == INACTIVE


class TestRequests:
    def test_introspection_accepts_form(self, api, pair):
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
    def test_introspection_without_token_is_400(self, api, form):
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
    def test_introspection_with_token_of_wrong_type_is_400(self, api, token):
        answer = api.post("introspect/", {"token": token}, headers=basic())
        assert problem(answer) == (400, "invalid_request")

    @pytest.mark.parametrize("form", ["token=a&token=b", "token=a&token=a"])
    def test_introspection_with_two_tokens_is_400(self, api, form):
        answer = api.raw.post(
            "/auth/introspect/",
            form,
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        assert problem(answer) == (400, "parse_error")

    def test_introspection_with_too_many_fields_is_400(self, api):
        answer = api.raw.post(
            "/auth/introspect/",
            "&".join(f"f{i}=x" for i in range(2000)),
            content_type="application/x-www-form-urlencoded",
            headers=basic(),
        )
        check_contract(answer)
        assert problem(answer) == (400, "parse_error")

    def test_introspection_names_are_those_of_rfc_7662(self, api, pair, options):
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
    def test_introspection_without_configured_clients_is_404(self, api, pair, options):
        options(INTROSPECTION_CLIENTS={})
        for headers in (basic(), {}):
            answer = api.post("introspect/", {"token": pair.access}, headers=headers)
            assert problem(answer) == (404, "not_found")

    @pytest.mark.parametrize("headers", CREDENTIALS, ids=str)
    def test_introspection_by_unknown_client_is_refused(
        self, api, pair, headers, django_assert_num_queries
    ):
        with django_assert_num_queries(0):
            answer = api.post("introspect/", {"token": pair.access}, headers=headers)
        assert problem(answer) == (401, "invalid_client")
        assert answer["WWW-Authenticate"].startswith("Basic ")

    def test_introspection_by_user_is_refused(self, api, pair):
        answer = api.post("introspect/", {"token": pair.access}, access=pair.access)
        assert problem(answer) == (401, "invalid_client")

    def test_introspection_client_needs_its_own_secret(self, api, pair, options):
        other = hashlib.sha256(b"other").hexdigest()
        options(INTROSPECTION_CLIENTS={"billing": DIGEST, "mail": other})
        body = {"token": pair.access}
        assert api.post("introspect/", body, headers=basic("mail", "other")).json()["active"]
        answer = api.post("introspect/", body, headers=basic("mail"))
        assert problem(answer) == (401, "invalid_client")


class Tenants(SessionPolicy):
    def access_token_claims(self, user, *, session, request):
        return {"tenant": "blue"}


def test_introspection_has_extra_claims(ask, user, options):
    options(POLICY="tests.api.test_introspect.Tenants")
    assert ask(make_pair(user).access)["tenant"] == "blue"
