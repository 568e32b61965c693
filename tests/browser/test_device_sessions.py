"""``DEVICE_BOUND_SESSIONS`` in Chromium: copied cookies, restarts, outages and logout.

Chromium makes about six signatures in nine minutes, so each test has few short cookies.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from refresh_sessions.sessions import device_binding
from refresh_sessions.sessions.key_binding import confirm_device_key
from tests.browser.secure_server import HOST
from tests.factories import PASSWORD, UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = "/app/cookie/auth"
REGISTER, RENEW = f"{PREFIX}/device/register/", f"{PREFIX}/device/refresh/"
REFRESH, LOGIN, LOGOUT = (f"{PREFIX}/{name}/" for name in ("refresh", "login", "logout"))
COOKIES = ("__Host-refresh_token", "__Host-device_bound")

SHORT = 2
"""Seconds of life of a bound cookie that the test waits for."""

POST = """async ([path, body]) => {
    const headers = {"Content-Type": "application/json"};
    const answer = await fetch(path, {method: "POST", headers, body: JSON.stringify(body)});
    const text = await answer.text();
    return [answer.status, text ? JSON.parse(text).code ?? null : null];
}"""

LIVE = (200, None)
REFUSED = (401, "device_proof_required")


def wait_for(condition: Callable[[], object], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def statuses(secure_site) -> Callable[[str], list[int]]:
    """Return a function that lists the statuses of all requests of a path so far."""
    return lambda path: [status for _, asked, status in secure_site.answers if asked == path]


def post(page: Page, path: str, body: Any = None) -> tuple[int, str | None]:
    status, code = page.evaluate(POST, [path, body or {}])
    return status, code


def names(context: BrowserContext) -> set[str]:
    """The cookies of the package that the browser has."""
    return {one["name"] for one in context.cookies()} & set(COOKIES)


def open_page(context: BrowserContext, url: str) -> Page:
    page = context.pages[0]
    # The policy of the project refuses requests of its pages; this page has no policy.
    context.route(f"{url}/page/", lambda route: route.fulfill(body="<!doctype html>"))
    page.goto(f"{url}/page/")
    return page


@pytest.fixture
def life(options) -> Callable[[float], None]:
    """Return a function that sets how long the next bound cookies live."""

    def change(seconds: float) -> None:
        options(BOUND_COOKIE_LIFETIME=timedelta(seconds=seconds))

    options(DEVICE_BOUND_SESSIONS=True, LEEWAY=timedelta(0), ROTATION_OVERLAP=timedelta(0))
    return change


@pytest.fixture
def log_in(secure_site, life) -> Callable[..., Page]:
    """Return a function that logs a browser in, with a first bound cookie of this life.

    The session is bound without a request of the browser, which would renew a short bound cookie.
    """

    def run(context: BrowserContext, seconds: float = 600, *, binds: bool = True) -> Page:
        life(seconds)
        user = UserFactory.create()
        page = open_page(context, secure_site.url)
        body = {"username": user.get_username(), "password": PASSWORD}
        assert post(page, LOGIN, body) == LIVE
        wait_for(lambda: names(context) == set(COOKIES))
        life(600)
        family = TokenFamily.objects.get(session__user=user)
        assert family.public_key
        if binds:
            confirm_device_key(family, using="default")
        return page

    return run


def test_copied_cookies_are_of_no_use_after_life_of_bound_cookie(
    log_in, secure_site, certificates, bound_browser, statuses
):
    owner = bound_browser.open()
    page = log_in(owner, SHORT)
    copies = {one["name"]: one["value"] for one in owner.cookies() if one["name"] in COOKIES}
    assert curl(secure_site, certificates, {COOKIES[0]: copies[COOKIES[0]]}) == REFUSED
    other_device = bound_browser.open("other device")
    other_device.add_cookies([one for one in owner.cookies() if one["name"] in COOKIES])
    stolen = open_page(other_device, secure_site.url)
    time.sleep(SHORT + 1)
    assert post(stolen, REFRESH) == REFUSED
    assert curl(secure_site, certificates, copies) == REFUSED
    assert statuses(RENEW) == [], "the other device has no key"
    assert post(page, REFRESH) == LIVE
    assert statuses(RENEW) == [403, 200]
    assert DeviceSession.objects.active().count() == 1
    assert not SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).exists()


def test_first_refresh_after_registration_binds_session(log_in, bound_browser):
    page = log_in(bound_browser.open(), binds=False)
    assert TokenFamily.objects.get().binding == ""
    assert post(page, REFRESH) == LIVE
    assert TokenFamily.objects.get().binding == "dbsc"


def test_ordinary_requests_do_not_wait_for_a_bound_cookie(log_in, bound_browser, statuses):
    page = log_in(bound_browser.open(), SHORT)
    time.sleep(SHORT + 1)
    page.evaluate("fetch('/app/cookie/auth/sessions/')")
    page.evaluate("fetch('/app/front-end/cookie/')")
    assert statuses(RENEW) == []
    assert post(page, REFRESH) == LIVE
    assert statuses(RENEW) == [403, 200]


def test_restarted_browser_goes_on(log_in, secure_site, bound_browser, statuses):
    owner = bound_browser.open()
    log_in(owner, SHORT)
    # The browser writes its sessions some seconds later.
    time.sleep(SHORT + 2)
    owner.close()
    page = open_page(bound_browser.open(), secure_site.url)
    assert post(page, REFRESH) == LIVE
    assert statuses(REGISTER) == [200]
    assert statuses(RENEW) == [403, 200]


def test_browser_keeps_key_while_server_and_database_are_away(
    log_in, secure_site, bound_browser, monkeypatch, statuses
):
    page = log_in(bound_browser.open(), SHORT)
    with monkeypatch.context() as patched:

        def fail(*args: Any) -> None:
            raise DatabaseBusyError

        patched.setattr(device_binding, "find_family", fail)
        time.sleep(SHORT + 1)
        assert post(page, REFRESH) == REFUSED
        assert statuses(RENEW)[-1] == 503
    secure_site.stop()
    secure_site.start()
    # After a 503 the browser waits before it asks again.
    wait_for(lambda: post(page, REFRESH) == LIVE, 60)
    assert statuses(REGISTER) == [200]
    assert DeviceSession.objects.active().count() == 1


def test_logout_ends_session_in_the_browser(log_in, bound_browser, statuses):
    owner = bound_browser.open()
    page = log_in(owner)
    assert post(page, LOGOUT) == (204, None)
    assert names(owner) == set()
    assert DeviceSession.objects.active().count() == 0
    # With its next request the browser asks for a bound cookie, and learns of the end.
    assert post(page, REFRESH)[0] == 401
    assert statuses(RENEW) == [403, 200]
    assert post(page, REFRESH)[0] == 401
    assert statuses(RENEW) == [403, 200]


def test_second_login_binds_its_own_session(log_in, bound_browser):
    context = bound_browser.open()
    log_in(context, SHORT)
    time.sleep(SHORT + 1)
    page = log_in(context)
    assert post(page, REFRESH) == LIVE
    assert DeviceSession.objects.active().count() == 1, "the first one is replaced"
    assert not SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).exists()


def curl(site: Any, certificates: Any, cookies: dict[str, str]) -> tuple[int, str | None]:
    """Refresh with copied cookies in a program that is no browser."""
    context = ssl.create_default_context(cafile=str(certificates.authority))
    # The authority of the tests has no key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    connection = http.client.HTTPSConnection(HOST, site.port, context=context)
    connection._create_connection = _connect_locally  # type: ignore[attr-defined]
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection.request("POST", REFRESH, headers={"Cookie": header})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body.get("code")


def _connect_locally(address: tuple[str, int], *args: Any, **options: Any) -> Any:
    import socket  # noqa: PLC0415

    return socket.create_connection(("127.0.0.1", address[1]), 10)
