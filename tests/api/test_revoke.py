"""``revoke/``: the owner of a token revokes its session; the answer reveals nothing."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from refresh_sessions.sessions import refresh_session
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.keys import Purpose
from tests.api.client import problem
from tests.domain.client_actions import AFTER_OVERLAP, call, kinds, refused, session_of
from tests.factories import make_pair
from tests.unit.forge import remake

pytestmark = pytest.mark.django_db


def revoke(api, token, **more):
    """Send JSON; the answer is the same in each case."""
    answer = api.raw.post("/auth/revoke/", {"token": token, **more}, format="json")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["access", "refresh"])
class TestTokens:
    def test_revocation_endpoint_revokes_session_of_token(self, api, pair, user, kind):
        other = make_pair(user)
        revoke(api, getattr(pair, kind))
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "logout"
        assert call(other) == "ok"

    def test_second_revocation_is_200(self, api, pair, kind):
        revoke(api, getattr(pair, kind))
        revoke(api, getattr(pair, kind))
        assert kinds(pair) == ["signed_in", "signed_out"]

    def test_revocation_endpoint_accepts_form(self, api, pair, kind):
        answer = api.raw.post(
            "/auth/revoke/",
            f"token={getattr(pair, kind)}",
            content_type="application/x-www-form-urlencoded",
        )
        assert answer.status_code == 200
        assert call(pair) == "session_revoked"

    @pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of", 7, None])
    def test_revocation_endpoint_ignores_wrong_hint(self, api, pair, kind, hint):
        revoke(api, getattr(pair, kind), token_type_hint=hint)
        assert call(pair) == "session_revoked"

    def test_revocation_endpoint_accepts_used_or_expired_token(self, api, pair, clock, kind):
        clock.move(AFTER_OVERLAP)
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP * 100)
        revoke(api, getattr(pair, kind))
        assert refused(new.refresh) == "session_revoked"


@pytest.mark.django_db(transaction=True)
def test_revocation_in_atomic_requests_is_committed(api, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    pair = make_pair()
    revoke(api, pair.refresh)
    assert not transaction.get_connection().in_atomic_block
    assert call(pair) == "session_revoked"


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "é", "\x00", "x" * 100_000, "null", "Bearer a.b.c", " "]
)
def test_revocation_of_malformed_token_takes_no_query(api, token):
    with CaptureQueriesContext(connection) as queries:
        revoke(api, token)
    assert not queries.captured_queries


def test_revocation_with_wrong_secret_revokes_nothing(api, pair):
    forged = remake(pair.refresh, Purpose.REFRESH, claims={"secret": refresh_tokens.new_secret()})
    revoke(api, forged)
    assert call(pair) == "ok"


@pytest.mark.parametrize("token", [None, "", 7, [], {}])
def test_revocation_without_token_is_400(api, token):
    answer = api.post("revoke/", {"token": token})
    assert problem(answer) == (400, "invalid_request")
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("header", ["Bearer", "Bearer a.b.c", "Basic x"])
def test_revocation_ignores_authorization_header(api, pair, header):
    answer = api.raw.post(
        "/auth/revoke/",
        {"token": pair.refresh},
        format="json",
        headers={"authorization": header},
    )
    assert answer.status_code == 200
    assert call(pair) == "session_revoked"
