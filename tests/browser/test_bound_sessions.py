"""Device bound sessions in Chromium: the browser of these tests registers and refreshes."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from refresh_sessions.models import DeviceSession
from tests.browser.fake_dbsc import COOKIE, FakeDBSC
from tests.browser.front_end import CALL as CALL_API, READY, log_in
from tests.factories import UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

REGISTER, REFRESH = "/device/register/", "/device/refresh/"

LONG = 600
SHORT = 1
"""Seconds of life of the bound cookie."""

CALL = "fetch('/').then((answer) => answer.text())"


def wait_for(condition: Callable[[], object], timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def fake() -> FakeDBSC:
    return FakeDBSC(max_age=LONG)


@pytest.fixture
def site(fake, serve_securely):
    return serve_securely(fake)


@pytest.fixture
def owner(site, bound_browser) -> BrowserContext:
    context: BrowserContext = bound_browser.open()
    return context


@pytest.fixture
def register(fake, site, owner) -> Callable[..., Page]:
    """Return a function that registers a session whose first bound cookie lives this long."""

    def log_in(life: int) -> Page:
        fake.max_age = life
        page: Page = owner.pages[0]
        page.goto(f"{site.url}/login")
        wait_for(lambda: fake.statuses(REGISTER) == [200])
        # The browser reads the answer.
        time.sleep(0.3)
        fake.max_age = LONG
        return page

    return log_in


def called(page: Page) -> str:
    """Whether the request was "bound" or "unbound", as the server sees it."""
    return str(page.evaluate(CALL)).partition(">")[2].rpartition(">")[2]


def test_offer_is_registered_at_once(fake, register, owner):
    page = register(LONG)
    assert called(page) == "bound"
    (proof,) = fake.proofs
    assert (proof["alg"], proof["jwk"]["crv"]) == ("ES256", "P-256")
    (cookie,) = [one for one in owner.cookies() if one["name"] == COOKIE]
    assert cookie["httpOnly"]
    assert fake.statuses(REFRESH) == []


def test_cookie_is_refreshed_near_its_end(fake, register):
    page = register(100)
    assert called(page) == "bound"
    wait_for(lambda: fake.statuses(REFRESH) == [403, 200])
    assert "jwk" not in fake.proofs[-1]


def test_request_waits_for_the_refresh_of_an_expired_cookie(fake, register):
    page = register(SHORT)
    time.sleep(SHORT + 1)
    assert called(page) == "bound"
    assert fake.statuses(REFRESH) == [403, 200]


def test_restarted_browser_has_its_key(fake, site, register, owner, bound_browser):
    register(SHORT)
    # The browser writes its sessions some seconds later.
    time.sleep(SHORT + 3)
    owner.close()
    page = bound_browser.open().pages[0]
    page.goto(site.url)
    assert called(page) == "bound"
    assert fake.statuses(REGISTER) == [200]
    assert fake.statuses(REFRESH) == [403, 200]


def test_copied_cookie_is_of_no_use_after_its_life(fake, site, register, owner, bound_browser):
    register(3)
    thief = bound_browser.open("other device")
    thief.add_cookies(owner.cookies())
    page = thief.pages[0]
    page.goto(site.url)
    assert called(page) == "bound"
    time.sleep(4)
    assert called(page) == "unbound"
    assert fake.statuses(REFRESH) == []


def test_stopped_server_costs_no_key(fake, site, register):
    page = register(SHORT)
    site.stop()
    time.sleep(SHORT + 1)
    assert page.evaluate("fetch('/').catch(({ message }) => message)") == "Failed to fetch"
    site.start()
    wait_for(lambda: called(page) == "bound", 60)
    assert fake.statuses(REGISTER) == [200]


def test_busy_server_costs_no_key(fake, register):
    page = register(SHORT)
    fake.refused = HTTPStatus.SERVICE_UNAVAILABLE
    time.sleep(SHORT + 1)
    for _ in range(3):
        assert called(page) == "unbound"
    fake.refused = None
    wait_for(lambda: called(page) == "bound", 60)
    assert fake.statuses(REGISTER) == [200]


@pytest.mark.parametrize(
    "status",
    [
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        # The draft of the W3C keeps the key after this one, Chromium 156 does not.
        HTTPStatus.TOO_MANY_REQUESTS,
    ],
)
def test_refusal_of_a_refresh_costs_the_key(fake, register, status):
    page = register(SHORT)
    fake.refused = status
    time.sleep(SHORT + 1)
    assert called(page) == "unbound"
    fake.refused = None
    for _ in range(3):
        assert called(page) == "unbound"
    assert fake.statuses(REFRESH) == [status]


@pytest.mark.django_db(transaction=True)
def test_project_is_served_over_https(secure_site, bound_browser):
    """What the tests of the package's own endpoints start from."""
    user = UserFactory.create(username="grace")
    context = bound_browser.open()
    page = context.pages[0]
    page.goto(f"{secure_site.url}/app/front-end/cookie/")
    page.wait_for_function(READY)
    log_in(page, user)
    (cookie,) = [one for one in context.cookies() if one["name"] == "__Host-refresh_token"]
    assert cookie["secure"]
    assert ("POST", "/app/cookie/auth/login/", 200) in secure_site.answers
    secure_site.stop()
    secure_site.start()
    assert page.evaluate(CALL_API)["user"] == str(user.pk)
    assert DeviceSession.objects.count() == 1
