"""The companion cookie over HTTP: when it is set, deleted and required."""

import logging
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from refresh_sessions.burst_log import BurstLog
from refresh_sessions.models import DeviceSession
from refresh_sessions.rest_framework.views import base
from tests.api.client import Client, problem
from tests.domain.client_actions import AFTER_OVERLAP, family_of, session_of

pytestmark = pytest.mark.django_db

SECURE = "__Host-refresh_companion"
PLAIN = "refresh_companion"
ZERO = timedelta(0)


def log_in(client, credentials, **options):
    return client.post("login/", credentials, **options)


class TestLogin:
    def test_login_sets_companion_cookie_as_httponly(self, api, credentials):
        answer = log_in(api, credentials, secure=True)
        cookie = answer.cookies[SECURE]
        assert len(cookie.value) == 22
        assert cookie.value not in answer.content.decode()
        assert cookie["httponly"]
        assert cookie["secure"]
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Strict", "/", "")
        assert list(answer.cookies) == [SECURE]

    def test_companion_cookie_expires_with_the_session(self, api, credentials, clock, options):
        options(SESSION_LIFETIME=timedelta(days=30))
        cookie = log_in(api, credentials, secure=True).cookies[SECURE]
        expires = parsedate_to_datetime(cookie["expires"])
        late = expires - DeviceSession.objects.get().expires_at
        assert abs(late) < timedelta(seconds=2)

    def test_companion_cookie_over_http_has_no_prefix(self, api, credentials):
        cookie = log_in(api, credentials).cookies[PLAIN]
        assert not cookie["secure"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"

    def test_each_login_sets_another_companion_cookie(self, api, credentials):
        values = {log_in(api, credentials).cookies[PLAIN].value for _ in range(3)}
        assert len(values) == 3

    @pytest.mark.parametrize("samesite", ["Strict", "Lax", "None"])
    def test_companion_cookie_samesite_follows_settings(self, api, credentials, options, samesite):
        options(COOKIE_SAMESITE=samesite)
        assert log_in(api, credentials, secure=True).cookies[SECURE]["samesite"] == samesite

    def test_refused_login_sets_no_companion_cookie(self, api, credentials):
        answer = log_in(api, {**credentials, "password": "wrong"})
        assert not answer.cookies

    @pytest.mark.parametrize("change", [{"COMPANION_COOKIE": "off"}, {"TRANSPORT": "cookie"}])
    def test_login_with_companion_disabled_sets_no_cookie(self, api, credentials, options, change):
        options(**change)
        cookies = log_in(api, credentials, secure=True).cookies
        assert SECURE not in cookies
        assert PLAIN not in cookies


class TestRefresh:
    def test_siblings_with_companion_cookie_get_one_successor(self, api, credentials, clock):
        first = log_in(api, credentials).json()["refresh"]
        answers = [api.post("refresh/", {"refresh": first}).json() for _ in range(3)]
        assert all("refresh" in answer for answer in answers)
        clock.move(AFTER_OVERLAP)
        for answer in answers:
            assert api.post("refresh/", {"refresh": answer["refresh"]}).status_code == 200

    def test_copied_token_without_companion_cookie_is_superseded(self, api, credentials):
        first = log_in(api, credentials).json()["refresh"]
        api.post("refresh/", {"refresh": first})
        answer = Client().post("refresh/", {"refresh": first})
        assert problem(answer) == (409, "refresh_superseded")

    def test_refresh_changes_no_companion_cookie(self, api, credentials, clock):
        token = log_in(api, credentials).json()["refresh"]
        for _ in range(3):
            answer = api.post("refresh/", {"refresh": token})
            assert not answer.cookies
            token = answer.json()["refresh"]
            clock.move(AFTER_OVERLAP)

    @pytest.mark.parametrize("value", ["", "x", "ü", "a" * 5000, "\x00"])
    def test_malformed_companion_cookie_is_ignored(self, api, pair, value):
        api.raw.cookies[PLAIN] = value
        assert api.post("refresh/", {"refresh": pair.refresh}).status_code == 200
        assert family_of(pair).companion_generation is None

    def test_missing_required_companion_cookie_is_401_without_revocation(
        self, api, credentials, clock, options
    ):
        options(COMPANION_COOKIE="require")
        token = log_in(api, credentials).json()["refresh"]
        token = api.post("refresh/", {"refresh": token}).json()["refresh"]
        clock.move(AFTER_OVERLAP)
        for path in ("refresh/", "logout/"):
            answer = Client().post(path, {"refresh": token})
            assert problem(answer) == (401, "device_proof_required")
        assert api.post("refresh/", {"refresh": token}).status_code == 200


class TestLogout:
    @pytest.mark.parametrize("path", ["logout/", "sessions/{}/", "sessions/revoke-all/"])
    def test_logout_deletes_companion_cookie(self, api, login, path):
        body = login()
        method = "delete" if "{" in path else "post"
        data = {"refresh": body["refresh"]} if path == "logout/" else None
        path = path.format(body["session"]["id"])
        answer = api.request(method, path, data, access=body["access"])
        cookie = answer.cookies[PLAIN]
        assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/")

    def test_logout_without_companion_cookie_sets_nothing(self, pair):
        assert not Client().post("logout/", {"refresh": pair.refresh}).cookies

    def test_revoking_another_session_keeps_companion_cookie(self, api, login, pair):
        body = login()
        answer = api.delete(f"sessions/{pair.session.pk}/", access=body["access"])
        assert not answer.cookies


class TestStatusOfExpiredSessions:
    @pytest.mark.parametrize("status", [403, 401])
    def test_expired_session_status_follows_settings(self, api, pair, clock, options, status):
        options(SESSION_EXPIRED_STATUS=status)
        clock.move(timedelta(days=7))
        answer = api.post("refresh/", {"refresh": pair.refresh})
        assert problem(answer) == (status, "session_expired/absolute")
        assert answer.has_header("WWW-Authenticate") is (status == 401)

    @pytest.mark.parametrize("status", [403, 401])
    def test_expired_session_status_applies_to_refresh_limit(self, api, pair, options, status):
        options(SESSION_EXPIRED_STATUS=status, MAX_REFRESHES_PER_SESSION=1)
        token = api.post("refresh/", {"refresh": pair.refresh}).json()["refresh"]
        options(SESSION_EXPIRED_STATUS=status, MAX_REFRESHES_PER_SESSION=1, ROTATION_OVERLAP=ZERO)
        answer = api.post("refresh/", {"refresh": token})
        assert problem(answer) == (status, "session_expired/refresh_limit")


class TestMalformedTokens:
    @pytest.mark.parametrize("written", ["undefined", "null", "None", "[object Object]"])
    def test_token_named_undefined_is_logged_once_with_cause(
        self, api, caplog, monkeypatch, written
    ):
        monkeypatch.setattr(base, "burst_logger", BurstLog(logging.getLogger(__name__)))
        for _ in range(3):
            answer = api.post("refresh/", {"refresh": written})
            assert problem(answer) == (401, "token_not_valid")
        lines = [line for line in caplog.records if line.name == __name__]
        assert [line.levelname for line in lines] == ["WARNING"]
        assert f'presented "{written}"' in lines[0].getMessage()
        assert "only if the answer contains one" in lines[0].getMessage()

    def test_ordinary_invalid_token_logs_no_cause(self, api, caplog, pair):
        api.post("refresh/", {"refresh": "garbage"})
        api.post("refresh/", {"refresh": pair.refresh})
        assert not [line for line in caplog.records if "presented" in line.getMessage()]


def test_reuse_after_logout_is_an_ordinary_401(api, pair, clock):
    new = api.post("refresh/", {"refresh": pair.refresh}).json()
    assert api.post("logout/", {"refresh": new["refresh"]}).status_code == 204
    clock.move(AFTER_OVERLAP)
    answer = api.post("refresh/", {"refresh": pair.refresh})
    assert problem(answer) == (401, "session_revoked")
    assert session_of(pair).events.order_by("pk").last().kind == "reuse_detected"


@pytest.mark.parametrize(("path", "field"), [("logout/", "refresh"), ("revoke/", "token")])
def test_logout_with_reused_token_is_recorded_as_reuse(api, pair, clock, path, field):
    token = pair.refresh
    for _ in range(2):
        token = api.post("refresh/", {"refresh": token}).json()["refresh"]
        clock.move(AFTER_OVERLAP)
    answer = api.raw.post(f"/auth/{path}", {field: pair.refresh}, format="json")
    assert (answer.status_code, answer.content) == (204 if path == "logout/" else 200, b"")
    assert session_of(pair).revoked_reason == "reuse"
