"""ASVS V3, web front ends: the refresh cookie and cross-site requests."""

import json

import pytest
from django.urls import get_resolver

from refresh_sessions.models import DeviceSession
from tests.api.client import problem
from tests.domain.client_actions import call, family_of
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cookies")]

NAME = "__Host-refresh_token"
FOREIGN = {"origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
WITH_COOKIE = ("login/", "refresh/", "logout/")


@pytest.fixture
def cookie(api, credentials):
    """The cookie of a login, as the browser stores it."""
    (header,) = api.post("login/", credentials).cookies.values()
    return header


def attributes(cookie) -> set[str]:
    return {part.strip().lower() for part in cookie.OutputString().split(";")[1:]}


@passes("ASVS 3.3.1", "The cookie is Secure, and its name starts with `__Host-`.")
def test_asvs_3_3_1_refresh_cookie_is_secure(cookie):
    assert "secure" in attributes(cookie)
    assert cookie.key.startswith("__Host-")


@passes("ASVS 3.3.2", "SameSite is Strict.")
def test_asvs_3_3_2_refresh_cookie_is_samesite_strict(cookie):
    assert "samesite=strict" in attributes(cookie)


@passes("ASVS 3.3.3", "`__Host-`, with the path `/` and no domain, as browsers require.")
def test_asvs_3_3_3_refresh_cookie_has_host_prefix(cookie):
    assert cookie.key == NAME
    assert "path=/" in attributes(cookie)
    assert not any(attribute.startswith("domain") for attribute in attributes(cookie))


@passes("ASVS 3.3.4", "The refresh token is HttpOnly, and no body or other header contains it.")
def test_asvs_3_3_4_refresh_cookie_is_httponly(api, credentials):
    first = api.post("login/", credentials)
    second = api.post("refresh/")
    for answer in (first, second):
        cookie = answer.cookies[NAME]
        assert "httponly" in attributes(cookie)
        shown = f"{answer.content.decode()} {dict(answer.headers)}"
        assert parts(cookie.value)[1]["secret"] not in shown
        assert cookie.value not in shown
    assert second.cookies[NAME].value != first.cookies[NAME].value


@passes(
    "ASVS 3.3.5",
    "A quarter of the 4096 bytes suffices: the length of the token does not depend on input "
    "of the client.",
)
def test_asvs_3_3_5_refresh_cookie_is_below_1024_bytes(api, credentials):
    answer = api.post(
        "login/", {**credentials, "device_name": "x" * 128}, headers={"user-agent": "y" * 5000}
    )
    cookie = answer.cookies[NAME]
    assert len(f"{cookie.key}={cookie.value}") < 1024


@passes(
    "ASVS 3.4.2",
    "The package sends no CORS headers; whatever the project allows, a cookie is accepted "
    "only from an origin of `CSRF_TRUSTED_ORIGINS`, compared exactly.",
)
def test_asvs_3_4_2_request_of_untrusted_origin_is_refused(cookie_client, pair, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://shop.example.org"]
    origins = (
        *("https://attacker.example", "https://shop.example.org.attacker.example"),
        *("http://shop.example.org", "https://shop.example.org:444", "null", "*"),
    )
    for origin in origins:
        answer = cookie_client.post("refresh/", headers={"origin": origin})
        assert problem(answer) == (403, "csrf_failed"), origin
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    allowed = cookie_client.post("refresh/", headers={"origin": "https://shop.example.org"})
    assert allowed.status_code == 200
    assert not [name for name in allowed.headers if name.lower().startswith("access-control")]


@passes(
    "ASVS 3.5.1",
    "With the cookie transport each request, login included, must be same-origin according to "
    "`Sec-Fetch-Site` or `Origin`.",
)
@pytest.mark.parametrize("path", WITH_COOKIE)
@pytest.mark.parametrize("with_body", [True, False])
def test_asvs_3_5_1_cross_site_request_is_refused(
    cookie_client, pair, credentials, path, with_body
):
    answer = cookie_client.post(path, credentials if with_body else None, headers=FOREIGN)
    assert problem(answer) == (403, "csrf_failed")
    assert NAME not in answer.cookies
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
    assert DeviceSession.objects.count() == 1


@passes(
    "ASVS 3.5.2",
    "The protection does not depend on a preflight: forms and plain text, which browsers send "
    "without one, are refused with 415; a request without a body is refused by its origin.",
)
@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"],
)
def test_asvs_3_5_2_cors_simple_request_is_refused(cookie_client, pair, credentials, content_type):
    for path in WITH_COOKIE:
        # Without ``Origin`` and ``Sec-Fetch-Site``.
        answer = cookie_client.post(path, data=json.dumps(credentials), content_type=content_type)
        assert problem(answer) == (415, "unsupported_media_type")
        bodiless = cookie_client.post(path, headers={"origin": "https://attacker.example"})
        assert problem(bodiless) == (403, "csrf_failed")
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
    assert DeviceSession.objects.count() == 1


@passes("ASVS 3.5.3", "Every change requires POST, PATCH or DELETE; GET is a 405.")
def test_asvs_3_5_3_safe_method_changes_nothing(cookie_client, pair):
    urls = get_resolver("refresh_sessions.urls").url_patterns
    changing = [str(url.pattern) for url in urls if not hasattr(url.callback.cls, "get")]
    assert {"login/", "refresh/", "logout/", "sessions/revoke-all/"} <= set(changing)
    for path in changing:
        for method in ("get", "head", "options"):
            answer = getattr(cookie_client.raw, method)(
                f"/auth/{path}", headers={"authorization": f"Bearer {pair.access}"}
            )
            # Disabled endpoints answer 404.
            assert answer.status_code in {404, 405}, (method, path)
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
