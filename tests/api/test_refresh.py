"""POST refresh/ and refresh-token/."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import revoke_session
from tests.api.client import problem
from tests.domain.stories import AFTER_OVERLAP, STORED_BY_THEN
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def refresh(api):
    """Refresh over HTTP."""

    def send(token, **options):
        return api.post("refresh/", {"refresh": token}, **options)

    return send


@pytest.mark.parametrize("path", ["refresh/", "refresh-token/"])
def test_answer_has_the_fields_of_the_contract(api, pair, path):
    answer = api.post(path, {"refresh": pair.refresh})
    assert answer.status_code == 200
    assert set(answer.json()) == {
        *("access", "access_expires_at", "refresh", "refresh_expires_at"),
    }


def test_a_sibling_gets_an_access_token_only(refresh, pair):
    refresh(pair.refresh)
    answer = refresh(pair.refresh)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "access_expires_at"}


def test_takes_two_queries(refresh, pair):
    with CaptureQueriesContext(connection) as queries:
        refresh(pair.refresh)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]


@pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic eDp5", "Bearer a b", "ä"])
def test_the_authorization_header_does_not_matter(refresh, pair, header):
    assert refresh(pair.refresh, headers={"authorization": header}).status_code == 200


def test_an_expired_access_token_does_not_matter(refresh, pair, clock, bearer):
    clock.move(timedelta(hours=1))
    assert refresh(pair.refresh, headers=bearer(pair)).status_code == 200


class TestErrors:
    @pytest.mark.parametrize("body", [{}, {"refresh": None}, {"refresh": ""}, {"token": "x"}])
    def test_no_token(self, api, db, body):
        answer = api.post("refresh/", body)
        assert problem(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    def test_no_body(self, api, db):
        assert problem(api.post("refresh/")) == (401, "not_authenticated")

    def test_garbage(self, refresh, db):
        answer = refresh("a.b.c")
        assert problem(answer) == (401, "token_not_valid")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'

    def test_an_access_token(self, refresh, pair):
        assert problem(refresh(pair.access)) == (401, "token_not_valid")

    def test_revoked_and_reused_look_the_same(self, refresh, pair, user, clock):
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

    def test_past_the_hard_limit(self, refresh, pair, clock):
        clock.move(timedelta(days=7))
        answer = refresh(pair.refresh)
        assert problem(answer) == (403, "session_expired/absolute")
        assert answer.json()["detail"] == "This session has expired. Please sign in again."

    def test_past_the_idle_limit(self, refresh, pair, clock):
        TokenFamily.objects.update(idle_expires_at=clock.now)
        assert problem(refresh(pair.refresh)) == (403, "session_expired/idle")

    def test_past_the_number_of_refreshes(self, refresh, pair, options, clock):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = refresh(pair.refresh).json()
        clock.move(AFTER_OVERLAP)
        assert problem(refresh(new["refresh"])) == (403, "session_expired/refresh_limit")

    def test_superseded(self, refresh, pair, clock):
        lost = refresh(pair.refresh).json()
        clock.move(AFTER_OVERLAP)
        refresh(pair.refresh)
        assert problem(refresh(lost["refresh"])) == (409, "refresh_superseded")

    def test_the_messages_of_a_language(self, refresh, db):
        assert refresh("a.b.c", headers={"accept-language": "en"}).json()["detail"]


class TestAtomicRequests:
    """The revocation of a reused token survives the 401 that reports it."""

    @pytest.fixture(autouse=True)
    def _atomic_requests(self, transactional_db, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def test_reuse(self, refresh, pair):
        new = refresh(pair.refresh).json()
        TokenFamily.objects.update(rotated_at=None)
        refresh(new["refresh"])
        assert problem(refresh(pair.refresh)) == (401, "session_revoked")
        assert DeviceSession.objects.get().revoked_reason == "reuse"

    def test_delivery_is_noted_though_the_request_fails(
        self, refresh, pair, client, bearer, clock
    ):
        """Not by the request that fails, whose evidence is rolled back, but by the next."""
        new = refresh(pair.refresh).json()
        clock.move(STORED_BY_THEN)
        assert client.get("/who-am-i/", headers=bearer(new["access"])).status_code == 200
        assert TokenFamily.objects.get().delivered_at is not None
