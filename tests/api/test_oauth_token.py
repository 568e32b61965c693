"""``token/``: the refresh of OAuth libraries, with parameters and errors of RFC 6749."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.sessions import check_access_token, revoke_session
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.keys import Purpose
from tests.domain.client_actions import AFTER_OVERLAP, call, kinds, refused
from tests.factories import make_pair
from tests.faults.errors import TRANSIENT
from tests.faults.injection import Fault
from tests.unit.forge import remake

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.oauth_urls")]

FORM = "application/x-www-form-urlencoded"


def exchange(api, token, **parameters):
    parameters = {"grant_type": "refresh_token", "refresh_token": token, **parameters}
    answer = api.raw.post("/oauth/token/", parameters, format="json")
    assert answer["Cache-Control"] == "no-store"
    return answer


def failure(answer):
    """Status, ``error`` and ``code``; OAuth errors have no challenge."""
    body = answer.json()
    assert isinstance(body["detail"], str)
    assert "WWW-Authenticate" not in answer
    return answer.status_code, body["error"], body["code"]


class TestGrant:
    def test_oauth_refresh_rotates_the_token(self, api, pair, clock):
        answer = exchange(api, pair.refresh)
        assert answer.status_code == 200
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] in {15 * 60 - 1, 15 * 60}
        assert check_access_token(body["access_token"]).claims.generation == 2
        clock.move(AFTER_OVERLAP)
        assert exchange(api, body["refresh_token"]).status_code == 200
        assert refused(pair.refresh) == "session_revoked"

    def test_oauth_refresh_accepts_a_form_with_client_and_scope(self, api, pair):
        form = f"grant_type=refresh_token&refresh_token={pair.refresh}&client_id=x&scope=a+b"
        answer = api.raw.post(
            "/oauth/token/", form, content_type=FORM, headers={"authorization": "Basic eDp5"}
        )
        assert answer.status_code == 200
        assert "refresh_token" in answer.json()

    def test_sibling_gets_an_access_token_and_keeps_its_refresh_token(self, api, pair):
        exchange(api, pair.refresh)
        body = exchange(api, pair.refresh).json()
        assert set(body) == {"access_token", "token_type", "expires_in"}
        assert check_access_token(body["access_token"])

    @pytest.mark.parametrize("transport", ["body", "cookie"])
    def test_oauth_refresh_has_its_own_names_and_transport(self, api, pair, options, transport):
        options(TRANSPORT=transport, FIELD_NAMES={"access": "token", "refresh": "renewal"})
        answer = exchange(api, pair.refresh)
        assert {"access_token", "refresh_token"} <= set(answer.json())
        assert not answer.cookies

    def test_expires_in_is_cut_to_the_end_of_the_session(self, api, pair, clock):
        clock.move(pair.session.expires_at - clock.now - timedelta(seconds=100))
        type(pair.family).objects.update(idle_expires_at=pair.session.expires_at)
        assert exchange(api, pair.refresh).json()["expires_in"] in {99, 100}


class TestRefusal:
    def test_token_that_cannot_be_used_is_an_invalid_grant(self, api, user, clock):
        revoked, expired, reused = (make_pair(user) for _ in range(3))
        revoke_session(revoked.session, reason="admin")
        exchange(api, reused.refresh)
        for token in ("x", "a.b.c", revoked.access, remake(expired.refresh, Purpose.ACCESS)):
            assert failure(exchange(api, token)) == (400, "invalid_grant", "token_not_valid")
        assert failure(exchange(api, revoked.refresh)) == (
            *(400, "invalid_grant"),
            "session_revoked",
        )
        forged = remake(
            expired.refresh, Purpose.REFRESH, claims={"secret": refresh_tokens.new_secret()}
        )
        assert failure(exchange(api, forged))[:2] == (400, "invalid_grant")
        assert call(expired) == "ok"
        clock.move(expired.session.expires_at - clock.now + timedelta(seconds=1))
        assert failure(exchange(api, expired.refresh)) == (
            *(400, "invalid_grant"),
            "session_expired",
        )

    @pytest.mark.parametrize("status", [401, 403])
    def test_expired_session_is_an_invalid_grant_whatever_its_status(
        self, api, pair, options, clock, status
    ):
        options(SESSION_EXPIRED_STATUS=status)
        clock.move(pair.session.expires_at - clock.now + timedelta(seconds=1))
        answer = exchange(api, pair.refresh)
        assert failure(answer) == (400, "invalid_grant", "session_expired")
        assert answer.json()["reason"] == "absolute"

    def test_reuse_revokes_the_session(self, api, pair, clock):
        for _ in range(2):
            newest = exchange(api, pair.refresh).json().get("refresh_token")
            clock.move(AFTER_OVERLAP)
        exchange(api, newest)
        clock.move(AFTER_OVERLAP)
        assert failure(exchange(api, pair.refresh))[1] == "invalid_grant"
        assert "reuse_detected" in kinds(pair)

    @pytest.mark.parametrize("token", [None, "", 7, [], {}, True])
    def test_missing_refresh_token_is_an_invalid_request(self, api, token):
        answer = exchange(api, token)
        assert failure(answer) == (400, "invalid_request", "invalid_request")
        assert "'refresh_token'" in answer.json()["detail"]

    @pytest.mark.parametrize("grant_type", [None, "", 7, []])
    def test_missing_grant_type_is_an_invalid_request(self, api, pair, grant_type):
        answer = exchange(api, pair.refresh, grant_type=grant_type)
        assert failure(answer) == (400, "invalid_request", "invalid_request")
        assert "'grant_type'" in answer.json()["detail"]

    @pytest.mark.parametrize("grant_type", ["password", "authorization_code", "Refresh_Token"])
    def test_other_grant_type_is_refused_before_any_query(self, api, pair, grant_type):
        with CaptureQueriesContext(connection) as queries:
            answer = exchange(api, pair.refresh, grant_type=grant_type)
        error = "unsupported_grant_type"
        assert failure(answer) == (400, error, error)
        assert not queries.captured_queries
        assert call(pair) == "ok"

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            ("{", "application/json", 400),
            ("[]", "application/json", 400),
            ("refresh_token=a&refresh_token=b", FORM, 400),
            ("<a/>", "text/xml", 415),
        ],
    )
    def test_malformed_body_is_an_invalid_request(self, api, body, content_type, status):
        answer = api.raw.post("/oauth/token/", body, content_type=content_type)
        assert failure(answer)[:2] == (status, "invalid_request")

    def test_wrong_method_is_an_invalid_request(self, api):
        assert failure(api.raw.get("/oauth/token/"))[:2] == (405, "invalid_request")

    def test_missing_companion_cookie_leaves_the_token(self, api, credentials, options, clock):
        options(COMPANION_COOKIE="require")
        token = api.post("login/", credentials).json()["refresh"]
        token = exchange(api, token).json()["refresh_token"]
        clock.move(AFTER_OVERLAP)
        api.raw.cookies.clear()
        answer = exchange(api, token)
        assert failure(answer) == (400, "invalid_request", "device_proof_required")
        assert get_user_model().objects.get().device_sessions.get().revoked_at is None


class TestWait:
    """An error that does not end the session; the client keeps its token."""

    def test_superseded_token_is_temporarily_unavailable(self, api, credentials, options):
        first = api.post("login/", credentials).json()["refresh"]
        newest = exchange(api, first).json()["refresh_token"]
        api.raw.cookies.clear()
        answer = exchange(api, first)
        assert failure(answer) == (409, "temporarily_unavailable", "refresh_superseded")
        assert newest

    def test_throttled_refresh_is_temporarily_unavailable(self, api, pair, rates, clock):
        rates(session_refresh="1/hour")
        token = exchange(api, pair.refresh).json()["refresh_token"]
        clock.move(AFTER_OVERLAP)
        answer = exchange(api, token)
        assert failure(answer) == (429, "temporarily_unavailable", "throttled")
        assert int(answer["Retry-After"]) > 0

    @pytest.mark.parametrize("error", TRANSIENT)
    def test_busy_database_is_temporarily_unavailable(self, api, pair, error):
        with connection.execute_wrapper(Fault(error=TRANSIENT[error], on=1, permanent=True)):
            answer = exchange(api, pair.refresh)
        assert failure(answer) == (503, "temporarily_unavailable", "database_busy")
        assert int(answer["Retry-After"]) > 0
        assert exchange(api, pair.refresh).status_code == 200


def test_oauth_refresh_is_described(settings):
    pytest.importorskip("drf_spectacular")
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415
    from drf_spectacular.validation import validate_schema  # noqa: PLC0415

    schema = SchemaGenerator(urlconf="refresh_sessions.urls_oauth").get_schema(public=True)
    validate_schema(schema)
    operation = schema["paths"]["/token/"]["post"]
    assert set(operation["responses"]) == {"200", "400", "409", "413", "415", "429", "503"}
    assert set(operation["requestBody"]["content"]) == {FORM, "application/json"}
    names = schema["components"]["schemas"]["SessionGranted"]["properties"]
    assert set(names) == {"access_token", "token_type", "expires_in", "refresh_token"}
