"""The refresh cookie in Chromium: requests of another site, and a copy in a second browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import F

from refresh_sessions.conf import Settings
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.browser.front_end import CALL, Tabs, assert_logged_in, log_in
from tests.factories import PASSWORD, UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import Page

ENDPOINTS = ("refresh", "logout", "login")
OVERLAP = Settings().ROTATION_OVERLAP

FORM = """([url, type, name, value]) => {
    const form = Object.assign(document.createElement("form"), { action: url, method: "post" });
    form.enctype = type;
    form.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(form);
    form.submit();
}"""

BODILESS = """async (url) => {
    // The response itself is hidden from the page.
    await fetch(url, { method: "POST", mode: "no-cors", credentials: "include" }).catch(() => {});
}"""


@pytest.fixture
def transport() -> str:
    """The transport of the page: a request of another site cannot contain a token in the body."""
    return "cookie"


@pytest.fixture
def victim(tabs: Tabs) -> tuple[Page, Any]:
    """A tab with a session, and its user."""
    user = UserFactory.create(username="victim")
    page = tabs.open()
    log_in(page, user)
    return page, user


@pytest.fixture
def attack(tabs: Tabs) -> Page:
    """A page of another site in the same browser."""
    site = tabs.url.replace("localhost", "127.0.0.1")
    tabs.context.route(
        f"{site}/attack/", lambda route: route.fulfill(body="<body>", content_type="text/html")
    )
    # Chromium asks users before a page may send requests to this machine.
    tabs.context.grant_permissions(["local-network-access"], origin=site)
    page = tabs.context.new_page()
    page.goto(f"{site}/attack/")
    return page


def assert_unchanged(page: Page, user: Any) -> None:
    """The session is live, nothing was rotated, and no other session was started."""
    assert_logged_in(page, user)
    assert TokenFamily.objects.get().generation == 1
    assert DeviceSession.objects.get().revoked_at is None


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded"])
def test_form_of_another_site_is_refused(victim, attack, tabs, endpoint, form):
    UserFactory.create(username="attacker")
    # In text/plain, name and value together are JSON.
    field = (f'{{"username": "attacker", "password": "{PASSWORD}", "x": "', '"}')
    url = f"{tabs.url}/cookie/auth/{endpoint}/"
    with attack.expect_navigation() as navigation:
        attack.evaluate(FORM, [url, form, *field])
    response = navigation.value
    assert (response.url, response.status) == (url, 403)
    assert response.json()["code"] == "csrf_failed"
    assert_unchanged(*victim)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_request_of_another_site_without_body_is_refused(victim, attack, tabs, endpoint):
    path = f"/cookie/auth/{endpoint}/"
    attack.evaluate(BODILESS, tabs.url + path)
    assert tabs.network.answers[-1] == (path, 403)
    assert_unchanged(*victim)


def test_cookie_in_a_second_browser_is_detected_and_logs_both_out(
    victim, tabs: Tabs, open_browser
):
    page, user = victim
    other = open_browser()
    other.context.add_cookies(tabs.context.cookies())
    copy = other.open()
    # The first call of a page refreshes; a call after the overlap uses the new tokens.
    assert_logged_in(copy, user)
    TokenFamily.objects.update(rotated_at=F("rotated_at") - OVERLAP)
    assert_logged_in(copy, user)
    outcome = page.evaluate("client.refresh().catch(({ action, code }) => ({ action, code }))")
    assert outcome == {"action": "login", "code": "session_revoked"}
    refused = copy.evaluate(CALL)
    assert refused["action"] == "login"
    assert copy.evaluate("client.loggedIn()") is False
    assert SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).count() == 1
