"""``TRANSPORT = "cookie"``: the refresh token in a cookie that scripts cannot read."""

from datetime import timedelta

import pytest

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.domain.client_actions import AFTER_OVERLAP, call, session_of

pytestmark = pytest.mark.django_db

NAME = "__Host-refresh_token"


@pytest.fixture(autouse=True)
def _cookies(options):
    options(TRANSPORT="cookie")


class TestCookie:
    def test_refresh_cookie_lasts_as_long_as_the_token(self, api, credentials, clock):
        cookie = api.post("login/", credentials).cookies[NAME]
        assert 0 <= 7 * 86400 - int(cookie["max-age"]) <= 1
        assert refresh_session(cookie.value).refresh

    def test_refresh_cookie_attributes_follow_settings(self, api, credentials, options):
        options(
            COOKIE_NAME="rt",
            COOKIE_PATH="/auth/",
            COOKIE_DOMAIN="example.org",
            COOKIE_SAMESITE="Lax",
            COOKIE_SECURE=False,
        )
        cookie = api.post("login/", credentials).cookies["rt"]
        assert (cookie["path"], cookie["domain"], cookie["samesite"], cookie["secure"]) == (
            *("/auth/", "example.org", "Lax", ""),
        )

    def test_refresh_cookie_is_replaced_at_refresh(self, cookie_client, pair):
        answer = cookie_client.post("refresh/")
        assert answer.status_code == 200
        assert "refresh" not in answer.json()
        assert answer.cookies[NAME].value != pair.refresh

    def test_token_in_body_is_ignored_with_cookie_transport(self, api, pair):
        answer = api.post("refresh/", {"refresh": pair.refresh})
        assert problem(answer) == (401, "not_authenticated")

    def test_sibling_refresh_sets_no_cookie(self, cookie_client, pair):
        refresh_session(pair.refresh)
        answer = cookie_client.post("refresh/")
        assert answer.status_code == 200
        assert NAME not in answer.cookies

    def test_logout_with_cookie_alone_revokes_session(self, cookie_client, pair):
        answer = cookie_client.post("logout/")
        assert answer.status_code == 204
        assert is_deleted(answer)
        assert call(pair) == "session_revoked"

    def test_login_revokes_session_of_replaced_cookie(self, cookie_client, pair, credentials):
        assert cookie_client.post("login/", credentials).status_code == 200
        assert session_of(pair).revoked_reason == "logout"
        assert DeviceSession.objects.active().count() == 1

    @pytest.mark.parametrize("value", ["garbage", "", "a.b.c"])
    def test_login_with_invalid_cookie_succeeds(self, api, credentials, value):
        api.raw.cookies[NAME] = value
        assert api.post("login/", credentials).status_code == 200

    def test_failed_login_keeps_session_of_cookie(self, cookie_client, pair, credentials):
        assert (
            cookie_client.post("login/", {**credentials, "password": "wrong"}).status_code == 401
        )
        assert call(pair) == "ok"


def is_deleted(answer):
    cookie = answer.cookies[NAME]
    assert cookie["secure"], "browsers take no __Host- cookie without it"
    assert cookie["httponly"]
    return (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/")


class TestErrors:
    """A late refusal must not delete the cookie that a login in another tab set meanwhile."""

    def test_refresh_of_revoked_session_keeps_cookie(self, cookie_client, pair):
        revoke_session(pair.session, reason="admin")
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (401, "session_revoked")
        assert NAME not in answer.cookies

    def test_refresh_of_expired_session_keeps_cookie(self, cookie_client, clock):
        clock.move(timedelta(days=7))
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (403, "session_expired/absolute")
        assert NAME not in answer.cookies

    def test_malformed_cookie_is_deleted_at_logout_alone(self, cookie_client):
        cookie_client.raw.cookies[NAME] = "garbage"
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (401, "token_not_valid")
        assert NAME not in answer.cookies
        answer = cookie_client.post("logout/")
        assert problem(answer) == (401, "token_not_valid")
        assert is_deleted(answer)

    def test_superseded_refresh_keeps_cookie(self, cookie_client, pair, clock):
        lost = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh)
        cookie_client.raw.cookies[NAME] = lost.refresh
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (409, "refresh_superseded")
        assert NAME not in answer.cookies

    def test_throttled_refresh_keeps_cookie(self, cookie_client, rates, clock):
        rates(session_refresh="1/day")
        for _ in range(2):
            answer = cookie_client.post("refresh/")
            clock.move(AFTER_OVERLAP)
        assert problem(answer) == (429, "throttled")
        assert NAME not in answer.cookies


class TestForgedRequests:
    """Requests of another site, to which the browser adds the cookie."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://attacker.example"},
            {"origin": "null"},
            {"origin": "http://testserver.attacker.example"},
            {"origin": "https://testserver"},
            {"origin": "http://testserver:8000"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "cross-site", "origin": "https://attacker.example"},
            {"sec-fetch-site": "none", "origin": "https://attacker.example"},
            {"sec-fetch-site": "nonsense"},
        ],
    )
    @pytest.mark.parametrize("path", ["login/", "refresh/", "logout/"])
    def test_cross_site_request_is_refused(self, cookie_client, pair, credentials, path, headers):
        body = credentials if path == "login/" else None
        answer = cookie_client.post(path, body, headers=headers)
        assert problem(answer) == (403, "csrf_failed")
        assert NAME not in answer.cookies
        assert call(pair) == "ok"
        assert DeviceSession.objects.count() == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"origin": "http://testserver"},
            {"sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "same-origin", "origin": "http://testserver"},
            {"sec-fetch-site": "none"},
        ],
    )
    def test_same_origin_request_is_accepted(self, cookie_client, headers):
        assert cookie_client.post("refresh/", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("trusted", "origin"),
        [
            ("https://shop.example.org", "https://shop.example.org"),
            ("https://*.example.org", "https://shop.example.org"),
        ],
    )
    def test_request_from_trusted_origin_is_accepted(
        self, cookie_client, settings, trusted, origin
    ):
        settings.CSRF_TRUSTED_ORIGINS = [trusted]
        headers = {"origin": origin, "sec-fetch-site": "same-site"}
        assert cookie_client.post("refresh/", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("trusted", "origin"),
        [
            ("https://shop.example.org", "http://shop.example.org"),
            ("https://*.example.org", "https://example.org.attacker.example"),
            ("https://*.example.org", "https://attackerexample.org"),
        ],
    )
    def test_request_from_lookalike_of_trusted_origin_is_refused(
        self, cookie_client, settings, trusted, origin
    ):
        settings.CSRF_TRUSTED_ORIGINS = [trusted]
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        assert problem(cookie_client.post("refresh/", headers=headers)) == (403, "csrf_failed")

    def test_cross_site_request_with_body_transport_is_accepted(self, options, api, pair):
        options(TRANSPORT="body")
        headers = {"origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
        answer = api.post("refresh/", {"refresh": pair.refresh}, headers=headers)
        assert answer.status_code == 200
