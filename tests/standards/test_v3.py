"""ASVS V3, web front ends: the refresh token in a cookie, and who may send it."""

import json

import pytest
from django.urls import get_resolver

from refresh_sessions.models import DeviceSession
from tests.api.client import problem
from tests.domain.stories import call, family_of
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cookies")]

NAME = "__Host-refresh_token"
FOREIGN = {"origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
WITH_COOKIE = ("login/", "refresh/", "logout/")


@pytest.fixture
def cookie(api, credentials):
    """The cookie that a sign-in sets, as the cookie_client gets it."""
    (header,) = api.post("login/", credentials).cookies.values()
    return header


def attributes(cookie) -> set[str]:
    return {part.strip().lower() for part in cookie.OutputString().split(";")[1:]}


@passes("ASVS 3.3.1", "The cookie is Secure, and its name starts with `__Host-`.")
def test_asvs_3_3_1_cookie_is_secure(cookie):
    assert "secure" in attributes(cookie)
    assert cookie.key.startswith("__Host-")


@passes("ASVS 3.3.2", "SameSite is Strict.")
def test_asvs_3_3_2_cookie_stays_on_its_site(cookie):
    assert "samesite=strict" in attributes(cookie)


@passes("ASVS 3.3.3", "`__Host-`, with the path `/` and no domain, as browsers demand for it.")
def test_asvs_3_3_3_cookie_is_for_one_host(cookie):
    assert cookie.key == NAME
    assert "path=/" in attributes(cookie)
    assert not any(attribute.startswith("domain") for attribute in attributes(cookie))


@passes("ASVS 3.3.4", "The refresh token is HttpOnly, and no body or other header shows it.")
def test_asvs_3_3_4_no_script_can_read_the_token(api, credentials):
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
    "A quarter of the 4096 bytes is enough: the token grows with nothing that a client can send.",
)
def test_asvs_3_3_5_cookie_is_short(api, credentials):
    answer = api.post(
        "login/", {**credentials, "device_name": "x" * 128}, headers={"user-agent": "y" * 5000}
    )
    cookie = answer.cookies[NAME]
    assert len(f"{cookie.key}={cookie.value}") < 1024


@passes(
    "ASVS 3.4.2",
    "The package sends no CORS headers; whatever the project allows, a cookie counts only with an "
    "origin of `CSRF_TRUSTED_ORIGINS`, compared exactly.",
)
def test_asvs_3_4_2_foreign_origins_are_not_allowed(cookie_client, pair, settings):
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
    "With the cookie transport each request, sign-in included, must come from our own origin by "
    "`Sec-Fetch-Site` or `Origin`.",
)
@pytest.mark.parametrize("path", WITH_COOKIE)
@pytest.mark.parametrize("with_body", [True, False])
def test_asvs_3_5_1_requests_of_another_site_are_refused(
    cookie_client, pair, credentials, path, with_body
):
    answer = cookie_client.post(path, credentials if with_body else None, headers=FOREIGN)
    assert problem(answer) == (403, "csrf_failed")
    assert NAME not in answer.cookies
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
    assert DeviceSession.objects.count() == 1


@passes(
    "ASVS 3.5.2",
    "Nothing hangs on a preflight: what browsers send without one, forms and plain text, is no "
    "JSON and refused with 415; a request without a body is refused by its origin.",
)
@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"],
)
def test_asvs_3_5_2_a_simple_request_does_nothing(cookie_client, pair, credentials, content_type):
    for path in WITH_COOKIE:
        # Without the headers by which the origin would be known.
        answer = cookie_client.post(path, data=json.dumps(credentials), content_type=content_type)
        assert problem(answer) == (415, "unsupported_media_type")
        bodiless = cookie_client.post(path, headers={"origin": "https://attacker.example"})
        assert problem(bodiless) == (403, "csrf_failed")
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
    assert DeviceSession.objects.count() == 1


@passes("ASVS 3.5.3", "What changes something asks for POST, PATCH or DELETE; GET is a 405.")
def test_asvs_3_5_3_safe_methods_change_nothing(cookie_client, pair):
    urls = get_resolver("refresh_sessions.urls").url_patterns
    changing = [str(url.pattern) for url in urls if not hasattr(url.callback.cls, "get")]
    assert {"login/", "refresh/", "logout/", "sessions/revoke-all/"} <= set(changing)
    for path in changing:
        for method in ("get", "head", "options"):
            answer = getattr(cookie_client.raw, method)(
                f"/auth/{path}", headers={"authorization": f"Bearer {pair.access}"}
            )
            # What is turned off is not there at all.
            assert answer.status_code in {404, 405}, (method, path)
    assert (call(pair), family_of(pair).generation) == ("ok", 1)
