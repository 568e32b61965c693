"""``TRANSPORT = "cookie"``: the refresh token where no script can read it."""

from datetime import timedelta

import pytest

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.domain.stories import AFTER_OVERLAP, call, session_of

pytestmark = pytest.mark.django_db

NAME = "__Host-refresh_token"


@pytest.fixture(autouse=True)
def _cookies(options):
    options(TRANSPORT="cookie")


class TestCookie:
    def test_is_set_as_the_standards_ask(self, api, credentials, clock):
        answer = api.post("login/", credentials)
        cookie = answer.cookies[NAME]
        assert cookie["httponly"]
        assert cookie["secure"]
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert cookie["domain"] == ""
        assert 0 <= 7 * 86400 - int(cookie["max-age"]) <= 1
        assert refresh_session(cookie.value).refresh

    def test_the_token_is_nowhere_else(self, api, credentials):
        answer = api.post("login/", credentials)
        assert "refresh" not in answer.json()
        assert answer.cookies[NAME].value not in answer.content.decode()

    def test_its_attributes_are_settings(self, api, credentials, options):
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

    def test_is_replaced_by_a_refresh(self, cookie_client, pair):
        answer = cookie_client.post("refresh/")
        assert answer.status_code == 200
        assert "refresh" not in answer.json()
        assert answer.cookies[NAME].value != pair.refresh

    def test_a_token_in_the_body_is_not_looked_at(self, api, pair):
        answer = api.post("refresh/", {"refresh": pair.refresh})
        assert problem(answer) == (401, "not_authenticated")

    def test_siblings_get_no_cookie(self, cookie_client, pair):
        refresh_session(pair.refresh)
        answer = cookie_client.post("refresh/")
        assert answer.status_code == 200
        assert NAME not in answer.cookies

    def test_logout_deletes_it(self, cookie_client, pair):
        answer = cookie_client.post("logout/")
        assert answer.status_code == 204
        assert is_deleted(answer)
        assert call(pair) == "session_revoked"

    @pytest.mark.parametrize("path", ["sessions/revoke-all/", "sessions/{}/"])
    def test_ending_ones_own_session_deletes_it(self, cookie_client, pair, path):
        method = "delete" if "{" in path else "post"
        answer = cookie_client.request(method, path.format(pair.session.pk), access=pair.access)
        assert is_deleted(answer)

    def test_a_new_sign_in_ends_the_session_it_replaces(self, cookie_client, pair, credentials):
        assert cookie_client.post("login/", credentials).status_code == 200
        assert session_of(pair).revoked_reason == "logout"
        assert DeviceSession.objects.active().count() == 1

    @pytest.mark.parametrize("value", ["garbage", "", "a.b.c"])
    def test_a_dead_cookie_blocks_no_sign_in(self, api, credentials, value):
        api.raw.cookies[NAME] = value
        assert api.post("login/", credentials).status_code == 200

    def test_a_failed_sign_in_ends_nothing(self, cookie_client, pair, credentials):
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
    """A late refusal must not delete the cookie that a login in another tab has set since."""

    def test_revoked_session_leaves_the_cookie_alone(self, cookie_client, pair):
        revoke_session(pair.session, reason="admin")
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (401, "session_revoked")
        assert NAME not in answer.cookies

    def test_expired_session_leaves_the_cookie_alone(self, cookie_client, clock):
        clock.move(timedelta(days=7))
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (403, "session_expired/absolute")
        assert NAME not in answer.cookies

    def test_garbage_leaves_the_cookie_alone_at_refresh_and_goes_at_logout(self, cookie_client):
        cookie_client.raw.cookies[NAME] = "garbage"
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (401, "token_not_valid")
        assert NAME not in answer.cookies
        answer = cookie_client.post("logout/")
        assert problem(answer) == (401, "token_not_valid")
        assert is_deleted(answer)

    def test_superseded_leaves_it_alone(self, cookie_client, pair, clock):
        lost = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh)
        cookie_client.raw.cookies[NAME] = lost.refresh
        answer = cookie_client.post("refresh/")
        assert problem(answer) == (409, "refresh_superseded")
        assert NAME not in answer.cookies

    def test_throttled_leaves_it_alone(self, cookie_client, rates, clock):
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
    def test_are_refused(self, cookie_client, pair, credentials, path, headers):
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
    def test_our_own_are_not(self, cookie_client, headers):
        assert cookie_client.post("refresh/", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        ("trusted", "origin"),
        [
            ("https://shop.example.org", "https://shop.example.org"),
            ("https://*.example.org", "https://shop.example.org"),
        ],
    )
    def test_trusted_origins(self, cookie_client, settings, trusted, origin):
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
    def test_lookalikes_of_trusted_origins(self, cookie_client, settings, trusted, origin):
        settings.CSRF_TRUSTED_ORIGINS = [trusted]
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        assert problem(cookie_client.post("refresh/", headers=headers)) == (403, "csrf_failed")

    def test_in_the_body_nothing_can_be_forged(self, options, api, pair):
        options(TRANSPORT="body")
        headers = {"origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
        answer = api.post("refresh/", {"refresh": pair.refresh}, headers=headers)
        assert answer.status_code == 200
