"""The JavaScript client in Chromium: many tabs, lost responses, reloads, races of logins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.browser.faults import NETWORK, delay, lose, stall
from tests.factories import PASSWORD, UserFactory

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

LIFETIME = timedelta(seconds=4)
EXPIRED_MS = 4200
ME = "/who-am-i/"

PAGE = """<!doctype html><html lang="en"><title>Front end</title><script type="module">
import { createClient } from "/static/refresh_sessions/client.js";
const askIdentity = () => "%(password)s";
const transport = "%(transport)s";
window.client = createClient({ baseUrl: `/${transport}/auth`, transport, askIdentity });
window.events = [];
client.onChange((event) => events.push(event));
const failure = ({ action, code }) => ({ action, code });
window.call = (url) => client.fetch(url).then((answer) => answer.json(), failure);
</script></html>"""

READY = "() => 'call' in window"
CALL = f"call('{ME}')"


@pytest.fixture(params=["body", "cookie"])
def transport(request) -> str:
    return str(request.param)


class Tabs:
    """Tabs of one browser with the client."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(self.url)
        page.wait_for_function(READY)
        return page


@pytest.fixture
def tabs(chromium, live_server, transport, options) -> Iterator[Tabs]:
    options(
        ACCESS_TOKEN_LIFETIME=LIFETIME,
        LEEWAY=timedelta(0),
        CONFIRM_DELIVERY_AFTER=timedelta(seconds=1),
    )
    NETWORK.reset()
    context = chromium.new_context(base_url=live_server.url)
    context.set_default_timeout(20_000)
    text = PAGE % {"transport": transport, "password": PASSWORD}
    # The policy of the live server refuses the calls of a front end; this page has none.
    context.route(
        "**/front-end/", lambda route: route.fulfill(body=text, content_type="text/html")
    )
    yield Tabs(context, f"{live_server.url}/front-end/")
    context.close()
    NETWORK.reset()


@pytest.fixture
def grace(live_server):
    return UserFactory.create(username="grace")


def log_in(page: Page, user: Any) -> None:
    page.evaluate("([name, word]) => client.login(name, word)", [user.get_username(), PASSWORD])


def start(page: Page, script: str) -> None:
    """Start a call without waiting for it."""
    page.evaluate(f"() => {{ window.started = {script}; }}")


def result(page: Page) -> Any:
    return page.evaluate("window.started")


def assert_logged_in(page: Page, user: Any) -> None:
    assert page.evaluate(CALL)["user"] == str(user.pk)


def assert_one_live_token(page: Page, user: Any) -> None:
    """The browser can refresh, and no reuse was recorded."""
    page.evaluate("client.refresh()")
    assert_logged_in(page, user)
    assert DeviceSession.objects.active().for_user(user).count() == 1
    assert not SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).exists()


def test_ten_tabs_woken_at_once_after_expiry_continue(tabs, grace, transport, options):
    pages = [tabs.open() for _ in range(10)]
    log_in(pages[0], grace)
    for page in pages:
        assert page.evaluate("client.loggedIn()") is True
    pages[0].wait_for_timeout(EXPIRED_MS)
    # On a slow machine, the last tabs would find new tokens expired as well.
    options(ACCESS_TOKEN_LIFETIME=timedelta(minutes=15))
    before = NETWORK.refreshes
    at = pages[0].evaluate("Date.now() + 1000")
    for page in pages:
        start(
            page,
            f"new Promise((woken) => setTimeout(woken, {at} - Date.now())).then(() => {CALL})",
        )
    assert [result(page)["user"] for page in pages] == [str(grace.pk)] * 10
    if transport == "body":
        # Chromium may show a tab the storage from before the refresh for some milliseconds.
        assert NETWORK.refreshes - before < 5
    assert_one_live_token(pages[3], grace)


def test_reload_during_refresh_keeps_session(tabs, grace):
    page = tabs.open()
    log_in(page, grace)
    page.wait_for_timeout(EXPIRED_MS)
    NETWORK.faults.append(delay)
    start(page, CALL)
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_function(READY)
    assert_logged_in(page, grace)
    assert_one_live_token(page, grace)


@pytest.mark.parametrize("faults", [[lose], [lose, lose], [stall]], ids=["one", "two", "late"])
def test_lost_response_to_refresh_is_retried(tabs, grace, faults):
    page = tabs.open()
    log_in(page, grace)
    page.wait_for_timeout(EXPIRED_MS)
    NETWORK.faults.extend(faults)
    assert_logged_in(page, grace)
    assert not NETWORK.faults
    assert_one_live_token(page, grace)


def test_login_during_refresh_of_another_tab_gives_both_tabs_the_new_session(tabs, grace):
    first, second = tabs.open(), tabs.open()
    log_in(first, grace)
    first.wait_for_timeout(1500)
    NETWORK.faults.append(delay)
    start(first, "client.refresh().catch(({ action }) => action)")
    first.wait_for_timeout(300)
    other = UserFactory.create(username="other")
    log_in(second, other)
    assert result(first) != "login"
    for page in (first, second):
        assert_logged_in(page, other)
    assert_one_live_token(second, other)


def test_logout_during_refresh_of_another_tab_logs_both_tabs_out(tabs, grace):
    first, second = tabs.open(), tabs.open()
    log_in(first, grace)
    assert_logged_in(second, grace)
    first.wait_for_timeout(1500)
    NETWORK.faults.append(delay)
    start(first, "client.refresh().catch(({ action }) => action)")
    first.wait_for_timeout(300)
    second.evaluate("client.logout()")
    result(first)
    first.wait_for_function("events.some(({ type, remote }) => type === 'logout' && remote)")
    for page in (first, second):
        assert page.evaluate(CALL) == {"action": "login", "code": "logged_out"}
        assert page.evaluate("localStorage.length") == 0
    assert not DeviceSession.objects.active().for_user(grace).exists()
    assert not SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).exists()


def test_refresh_token_in_cookie_is_unreadable_for_scripts(tabs, grace, transport):
    page = tabs.open()
    log_in(page, grace)
    page.evaluate("client.refresh()")
    readable = page.evaluate("[document.cookie, { ...localStorage }, { ...sessionStorage }]")
    cookies = {cookie["name"]: cookie for cookie in tabs.context.cookies()}
    if transport == "cookie":
        assert readable == ["", {}, {}]
        assert cookies["__Host-refresh_token"]["httpOnly"]
    else:
        assert "refresh" in json.dumps(readable[1])
        assert "refresh_companion" not in readable[0]
        assert cookies["refresh_companion"]["httpOnly"]


def test_redirect_to_another_origin_is_not_followed(tabs, grace, live_server):
    page = tabs.open()
    log_in(page, grace)
    elsewhere = live_server.url.replace("localhost", "127.0.0.1") + ME
    asked: list[str] = []
    tabs.context.on("request", lambda request: asked.append(request.url))
    tabs.context.route(
        "**/moved/", lambda route: route.fulfill(status=302, headers={"Location": elsewhere})
    )
    assert page.evaluate("call('/moved/')") == {"action": "fix", "code": "redirected"}
    assert elsewhere not in asked


def test_step_up_after_old_login_asks_and_repeats(tabs, grace):
    page = tabs.open()
    log_in(page, grace)
    long_ago = timedelta(minutes=10)
    for family in TokenFamily.objects.all():
        family.authenticated_at -= long_ago
        family.save(update_fields=["authenticated_at"])
    assert page.evaluate("client.sessions.revokeOthers()") == {"revoked": 0}
    families = TokenFamily.objects.all()
    assert all(family.authenticated_at > timezone.now() - long_ago for family in families)


def test_call_with_body_is_sent_whole_and_again_after_refresh(tabs, grace):
    page = tabs.open()
    log_in(page, grace)
    # With a stopped clock, the client takes its token for valid until the server refuses it.
    page.evaluate("() => { const now = Date.now(); Date.now = () => now; }")
    (session,) = page.evaluate("client.sessions.list()")
    for name, wait in (("Ada's phone", 0), ("Ada's laptop", EXPIRED_MS)):
        page.wait_for_timeout(wait)
        page.evaluate("([id, name]) => client.sessions.rename(id, name)", [session["id"], name])
        assert DeviceSession.objects.get().name == name
    assert NETWORK.refreshes >= 1
    page.evaluate("([id]) => client.sessions.revoke(id)", [session["id"]])
    assert page.evaluate("events.at(-1)") == {"type": "logout", "remote": False}


WORKER = """
const { createClient } = await import(`${origin}/static/refresh_sessions/client.js`);
const client = createClient({ baseUrl: `${origin}/${transport}/auth/`, transport });
const { session } = await client.login(...credentials);
const answer = await client.fetch("/who-am-i/");
await client.refresh();
const { status } = await client.fetch("/who-am-i/");
postMessage([session.id, (await answer.json()).session, status]);
"""

RUN_WORKER = """([text, transport, ...credentials]) => new Promise((done) => {
    const known = `const [origin, transport, credentials] =
        ${JSON.stringify([location.origin, transport, credentials])};`;
    const url = URL.createObjectURL(new Blob([known, text], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = ({ message }) => done(message);
})"""


def test_client_in_worker_logs_in_and_refreshes(tabs, grace, transport):
    page = tabs.open()
    script = [WORKER, transport, grace.get_username(), PASSWORD]
    logged_in, called, status = page.evaluate(RUN_WORKER, script)
    assert (logged_in, called, status) == (called, logged_in, 200)
    assert str(DeviceSession.objects.get().pk) == called
