"""The JavaScript client in Chromium: many tabs, lost responses, reloads, races of logins."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from refresh_sessions.conf import Settings
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.browser.front_end import (
    CALL,
    EXPIRED_MS,
    LATE,
    LOST,
    ME,
    READY,
    TOO_LATE,
    assert_logged_in,
    assert_one_live_token,
    frozen,
    log_in,
    result,
    start,
)
from tests.factories import PASSWORD, UserFactory

OVERLAP = Settings().ROTATION_OVERLAP


@pytest.fixture(params=["body", "cookie"])
def transport(request) -> str:
    return str(request.param)


@pytest.fixture
def grace(transactional_db):
    return UserFactory.create(username="grace")


def test_ten_tabs_woken_at_once_after_expiry_continue(tabs, grace, transport):
    pages = [tabs.open() for _ in range(10)]
    log_in(pages[0], grace)
    for page in pages:
        assert page.evaluate("client.loggedIn()") is True
    pages[0].wait_for_timeout(EXPIRED_MS)
    before = tabs.refreshes
    at = pages[0].evaluate("Date.now() + 1000")
    for page in pages:
        start(
            page,
            f"new Promise((woken) => setTimeout(woken, {at} - Date.now())).then(() => {CALL})",
        )
    assert [result(page)["user"] for page in pages] == [str(grace.pk)] * 10
    if transport == "body":
        # Chromium may show a tab the storage from before the refresh for some milliseconds.
        assert tabs.refreshes - before < 5
    assert_one_live_token(pages[3], grace)


def test_reload_during_refresh_keeps_session(tabs, grace):
    page = tabs.open()
    log_in(page, grace)
    page.wait_for_timeout(EXPIRED_MS)
    tabs.network.disturbances.append(LATE)
    start(page, CALL)
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_function(READY)
    assert_logged_in(page, grace)
    assert_one_live_token(page, grace)


@pytest.mark.parametrize("faults", [[LOST], [LOST, TOO_LATE]], ids=["lost", "lost-and-late"])
def test_lost_response_to_refresh_is_retried(tabs, grace, faults):
    page = tabs.open()
    log_in(page, grace)
    page.wait_for_timeout(EXPIRED_MS)
    tabs.network.disturbances.extend(faults)
    assert_logged_in(page, grace)
    assert not tabs.network.disturbances
    assert_one_live_token(page, grace)


def test_login_during_refresh_of_another_tab_gives_both_tabs_the_new_session(tabs, grace):
    first, second = tabs.open(), tabs.open()
    log_in(first, grace)
    first.wait_for_timeout(1500)
    tabs.network.disturbances.append(LATE)
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
    tabs.network.disturbances.append(LATE)
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


def test_tab_frozen_beyond_expiry_continues_with_tokens_of_another_tab(tabs, grace):
    page, other = tabs.open(), tabs.open()
    log_in(page, grace)
    assert_logged_in(other, grace)
    with frozen(page):
        other.wait_for_timeout(EXPIRED_MS)
        # The token that the frozen tab knows is two generations old at the end.
        for _ in range(2):
            other.evaluate("client.refresh()")
            TokenFamily.objects.update(rotated_at=F("rotated_at") - OVERLAP)
    assert_logged_in(page, grace)
    assert_one_live_token(page, grace)
    assert_logged_in(other, grace)


def test_tab_frozen_during_refresh_leaves_the_lock_to_other_tabs(tabs, grace):
    page, other = tabs.open(), tabs.open()
    log_in(page, grace)
    # Instead of 15 seconds.
    other.evaluate(
        "() => { const timeout = AbortSignal.timeout.bind(AbortSignal);"
        "AbortSignal.timeout = (ms) => timeout(ms > 10_000 ? 2000 : ms); }"
    )
    other.wait_for_timeout(EXPIRED_MS)
    tabs.network.disturbances.append(LATE)
    start(page, CALL)
    page.wait_for_timeout(300)
    with frozen(page):
        assert_logged_in(other, grace)
    assert result(page)["user"] == str(grace.pk)
    assert_one_live_token(page, grace)
    assert_one_live_token(other, grace)


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


def test_redirect_to_another_origin_is_not_followed(tabs, grace):
    page = tabs.open()
    log_in(page, grace)
    elsewhere = f"{tabs.url}/{ME}".replace("localhost", "127.0.0.1")
    asked: list[str] = []
    tabs.context.on("request", lambda request: asked.append(request.url))
    tabs.context.route(
        "**/moved/", lambda route: route.fulfill(status=302, headers={"Location": elsewhere})
    )
    assert page.evaluate("call('moved/')") == {"action": "fix", "code": "redirected"}
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
    assert tabs.refreshes >= 1
    page.evaluate("([id]) => client.sessions.revoke(id)", [session["id"]])
    assert page.evaluate("events.at(-1)") == {"type": "logout", "remote": False}


WORKER = """
const { createClient } = await import(`${site}/static/refresh_sessions/client.js`);
const client = createClient({ baseUrl: `${site}/${transport}/auth/`, transport });
const { session } = await client.login(...credentials);
const answer = await client.fetch(`${site}/who-am-i/`);
await client.refresh();
const { status } = await client.fetch(`${site}/who-am-i/`);
postMessage([session.id, (await answer.json()).session, status]);
"""

RUN_WORKER = """([text, ...values]) => new Promise((done) => {
    const known = `const [site, transport, credentials] = ${JSON.stringify(values)};`;
    const url = URL.createObjectURL(new Blob([known, text], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = ({ message }) => done(message);
})"""


def test_client_in_worker_logs_in_and_refreshes(tabs, grace, transport):
    page = tabs.open()
    script = [WORKER, tabs.url, transport, [grace.get_username(), PASSWORD]]
    logged_in, called, status = page.evaluate(RUN_WORKER, script)
    assert (logged_in, called, status) == (called, logged_in, 200)
    assert str(DeviceSession.objects.get().pk) == called
