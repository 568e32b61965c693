"""POST refresh/ and refresh-token/."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.api.client import problem
from tests.domain.client_actions import AFTER_OVERLAP, STORED_BY_THEN
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def refresh(api):
    """Refresh over HTTP."""

    def send(token, **options):
        return api.post("refresh/", {"refresh": token}, **options)

    return send


@pytest.mark.parametrize("path", ["refresh/", "refresh-token/"])
def test_refresh_answer_has_documented_fields(api, pair, path):
    answer = api.post(path, {"refresh": pair.refresh})
    assert answer.status_code == 200
    assert set(answer.json()) == {
        *("access", "access_expires_at", "refresh", "refresh_expires_at"),
    }


def test_sibling_refresh_answer_has_access_token_alone(refresh, pair):
    refresh(pair.refresh)
    answer = refresh(pair.refresh)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "access_expires_at"}


def test_refresh_endpoint_takes_two_queries(refresh, pair):
    with CaptureQueriesContext(connection) as queries:
        refresh(pair.refresh)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]


@pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic eDp5", "Bearer a b", "ä"])
def test_refresh_ignores_authorization_header(refresh, pair, header):
    assert refresh(pair.refresh, headers={"authorization": header}).status_code == 200


def test_refresh_ignores_expired_access_token(refresh, pair, clock, bearer):
    clock.move(timedelta(hours=1))
    assert refresh(pair.refresh, headers=bearer(pair)).status_code == 200


class TestErrors:
    @pytest.mark.parametrize("body", [{}, {"refresh": None}, {"refresh": ""}, {"token": "x"}])
    def test_refresh_with_unusable_token_field_is_401(self, api, db, body):
        answer = api.post("refresh/", body)
        assert problem(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_refresh_without_body_is_401(self, api, db):
        assert problem(api.post("refresh/")) == (401, "not_authenticated")

    def test_refresh_with_malformed_token_is_401(self, refresh, db):
        answer = refresh("a.b.c")
        assert problem(answer) == (401, "token_not_valid")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'

    def test_refresh_with_access_token_is_401(self, refresh, pair):
        assert problem(refresh(pair.access)) == (401, "token_not_valid")

    def test_refresh_with_reused_token_answers_like_revoked_session(
        self, refresh, pair, user, clock
    ):
        revoke_session(pair.session, reason="admin")
        revoked = refresh(pair.refresh)
        assert problem(revoked) == (401, "session_revoked")
        assert revoked["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
        stolen = make_pair(user)
        new = refresh(stolen.refresh).json()
        clock.move(AFTER_OVERLAP)
        refresh(new["refresh"])
        reused = refresh(stolen.refresh)
        assert (reused.status_code, reused.content) == (revoked.status_code, revoked.content)

    def test_refresh_past_hard_limit_is_403(self, refresh, pair, clock):
        clock.move(timedelta(days=7))
        answer = refresh(pair.refresh)
        assert problem(answer) == (403, "session_expired/absolute")
        assert answer.json()["detail"] == "This session has expired. Please sign in again."

    def test_refresh_past_idle_limit_is_403(self, refresh, pair, clock):
        TokenFamily.objects.update(idle_expires_at=clock.now)
        assert problem(refresh(pair.refresh)) == (403, "session_expired/idle")

    def test_refresh_past_refresh_limit_is_403(self, refresh, pair, options, clock):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = refresh(pair.refresh).json()
        clock.move(AFTER_OVERLAP)
        assert problem(refresh(new["refresh"])) == (403, "session_expired/refresh_limit")

    def test_refresh_with_superseded_token_is_409(self, refresh, pair, clock):
        lost = refresh(pair.refresh).json()
        clock.move(AFTER_OVERLAP)
        refresh(pair.refresh)
        assert problem(refresh(lost["refresh"])) == (409, "refresh_superseded")

    def test_refresh_error_has_text_in_requested_language(self, refresh, db):
        assert refresh("a.b.c", headers={"accept-language": "en"}).json()["detail"]


class TestAtomicRequests:
    """The revocation of a reused token is committed despite the 401."""

    @pytest.fixture(autouse=True)
    def _atomic_requests(self, transactional_db, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def test_reuse_in_atomic_requests_is_committed(self, refresh, pair):
        new = refresh(pair.refresh).json()
        TokenFamily.objects.update(rotated_at=None)
        refresh(new["refresh"])
        assert problem(refresh(pair.refresh)) == (401, "session_revoked")
        assert DeviceSession.objects.get().revoked_reason == "reuse"

    def test_delivery_in_atomic_requests_is_recorded(self, refresh, pair, client, bearer, clock):
        """The failing request rolls its record back; the next request records the delivery."""
        new = refresh(pair.refresh).json()
        clock.move(STORED_BY_THEN)
        assert client.get("/who-am-i/", headers=bearer(new["access"])).status_code == 200
        assert TokenFamily.objects.get().delivered_at is not None
