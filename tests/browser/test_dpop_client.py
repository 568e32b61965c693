"""The JavaScript client with DPoP in Chromium: keys, tabs, lost responses, a crash, a copy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.browser.equipment import chromium as chromium_path
from tests.factories import PASSWORD, UserFactory
from tests.javascript.test_client_module import MODULE

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

LIFETIME = timedelta(seconds=2)
EXPIRED_MS = 2200

PAGE = """<!doctype html><html lang="en"><title>Front end</title><script type="module">
import { createClient } from "/static/refresh_sessions/client.js";
const transport = "%s";
window.client = createClient({ baseUrl: "/auth/", transport, dpop: true });
const failure = ({ action, code }) => ({ action, code });
window.call = () => client.fetch("/who-am-i/").then((answer) => answer.json(), failure);
window.keys = () => new Promise((done) => {
  const opening = indexedDB.open("refresh_sessions:keys");
  opening.onsuccess = () => {
    const reading = opening.result.transaction("keys").objectStore("keys").getAll();
    reading.onsuccess = () => done(reading.result.flat());
  };
});
</script></html>"""

EXPORT_KEY = """async () => {
    const [{ pair, jkt }] = await keys();
    const exported = crypto.subtle.exportKey("pkcs8", pair.privateKey);
    return [jkt, await exported.catch(({ name }) => name)];
}"""

REFRESH_IN_WORKER = """() => new Promise((done) => {
    const text = `
        const origin = "${location.origin}";
        const { createClient } = await import(origin + "/static/refresh_sessions/client.js");
        const baseUrl = origin + "/auth/";
        const client = createClient({ baseUrl, transport: "cookie", dpop: true });
        postMessage((await client.fetch("/who-am-i/")).status);`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = ({ message }) => done(message);
})"""

COPY = """
const { createClient } = await import(process.argv[1]);
const values = new Map(JSON.parse(process.argv[2]));
const storage = {
  getItem: (name) => values.get(name) ?? null,
  setItem: (name, value) => values.set(name, value),
  removeItem: (name) => values.delete(name),
};
const [name] = values.keys();
const baseUrl = process.argv[3];
const attempts = [undefined, { keyPair: await crypto.subtle.generateKey(
  { name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]) }];
const codes = [];
for (const dpop of attempts) {
  const client = createClient({ baseUrl, storage, name, dpop });
  codes.push(await client.refresh().then(() => "refreshed", ({ code }) => code));
  codes.push(await client.fetch("/who-am-i/").then(({ status }) => status, ({ code }) => code));
}
console.log(JSON.stringify(codes));
"""


@pytest.fixture(params=["body", "cookie"])
def transport(request) -> str:
    return str(request.param)


@pytest.fixture
def grace(live_server):
    return UserFactory.create(username="grace")


@pytest.fixture
def with_dpop(options, transport):
    """The settings of the server: with the cookie, everything that DPoP can demand."""
    strict = transport == "cookie"
    options(
        ACCESS_TOKEN_LIFETIME=LIFETIME,
        LEEWAY=timedelta(0),
        TRANSPORT=transport,
        DPOP_ACCESS_TOKENS=strict,
        DPOP_NONCE=strict,
    )


@pytest.fixture
def browser(chromium, live_server, with_dpop, transport) -> Iterator[Browser]:
    context = chromium.new_context(base_url=live_server.url)
    yield Browser(context, live_server.url, transport)
    context.close()


class Browser:
    """One profile of Chromium with the front end."""

    def __init__(self, context: BrowserContext, site: str, transport: str) -> None:
        self.context = context
        self._url = f"{site}/front-end/"
        context.set_default_timeout(20_000)
        # The policy of the live server refuses the calls of a front end; this page has no policy.
        text = PAGE % transport
        context.route(self._url, lambda route: route.fulfill(body=text, content_type="text/html"))

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(self._url)
        page.wait_for_function("() => 'keys' in window")
        return page


def log_in(page: Page, user: Any) -> dict[str, Any]:
    script = "([name, word]) => client.login(name, word)"
    answer: dict[str, Any] = page.evaluate(script, [user.get_username(), PASSWORD])
    session: dict[str, Any] = answer["session"]
    return session


def assert_undisturbed(page: Page, user: Any) -> None:
    """The user is logged in, with one live session, which can refresh; no misuse was recorded."""
    page.evaluate("client.refresh()")
    assert page.evaluate("call()")["user"] == str(user.pk)
    assert DeviceSession.objects.active().for_user(user).count() == 1
    recorded = {EventKind.REUSE_DETECTED, EventKind.BOUND_TOKEN_MISUSED}
    assert not SessionEvent.objects.filter(kind__in=recorded).exists()


def test_login_binds_to_key_that_scripts_cannot_read_and_logout_deletes_it(
    browser, grace, transport
):
    page = browser.open()
    assert log_in(page, grace)["bound"] == "dpop"
    family = TokenFamily.objects.get()
    assert page.evaluate(EXPORT_KEY) == [family.key_thumbprint, "InvalidAccessError"]
    assert page.evaluate("call()")["user"] == str(grace.pk)
    page.evaluate("(word) => client.reauthenticate(word)", PASSWORD)
    assert len(page.evaluate("client.sessions.list()")) == 1
    if transport == "cookie":
        assert page.evaluate(REFRESH_IN_WORKER) == 200
    assert_undisturbed(page, grace)
    page.evaluate("client.logout()")
    assert page.evaluate("keys()") == []
    assert not DeviceSession.objects.active().exists()


@pytest.mark.parametrize("transport", ["cookie"], indirect=True)
def test_ten_tabs_refresh_after_expiry_and_nobody_is_logged_out(browser, grace, options):
    pages = [browser.open() for _ in range(10)]
    log_in(pages[0], grace)
    for page in pages:
        page.evaluate("client.loggedIn()")
    pages[0].wait_for_timeout(EXPIRED_MS)
    # On a slow machine, the last tabs would find new tokens expired as well.
    options(ACCESS_TOKEN_LIFETIME=timedelta(minutes=15))
    for page in pages:
        page.evaluate("() => { window.started = call(); }")
    assert [page.evaluate("started")["user"] for page in pages] == [str(grace.pk)] * 10
    assert_undisturbed(pages[3], grace)


@pytest.mark.parametrize("transport", ["body"], indirect=True)
def test_lost_response_to_refresh_is_retried_with_new_proof(browser, grace):
    lost: list[int] = []

    def lose(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page = browser.open()
    log_in(page, grace)
    browser.context.route("**/auth/refresh/", lose)
    assert page.evaluate("client.refresh().then(() => call())")["user"] == str(grace.pk)
    assert lost == [200]
    assert_undisturbed(page, grace)


@pytest.mark.parametrize("transport", ["body"], indirect=True)
def test_copy_of_storage_in_node_gains_nothing_and_owner_continues(
    browser, grace, live_server, options
):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    options(DPOP_ACCESS_TOKENS=True)
    page = browser.open()
    log_in(page, grace)
    stored = page.evaluate("Object.entries(localStorage)")
    arguments = [str(MODULE), json.dumps(stored), f"{live_server.url}/auth/"]
    done = subprocess.run(  # noqa: S603  (our own program)
        ["node", "--input-type=module", "--eval", COPY, *arguments],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == ["invalid_dpop_proof"] * 4
    assert SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED).count() == 1
    assert page.evaluate("call()")["user"] == str(grace.pk)
    page.evaluate("client.refresh()")
    assert DeviceSession.objects.active().for_user(grace).count() == 1


@contextmanager
def start_browser(chromium: Any, profile: Path, site: str) -> Iterator[Browser]:
    """Start Chromium with a profile on disk."""
    from playwright.sync_api import Error  # noqa: PLC0415 - may be missing

    context = chromium.browser_type.launch_persistent_context(
        profile, executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
    )
    try:
        yield Browser(context, site, "body")
    finally:
        # The browser may be killed.
        with suppress(Error):
            context.close()


def kill(profile: Path) -> None:
    """Kill the browser that uses a profile, and no other."""
    option = f"--user-data-dir={profile}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if option in arguments and not any(part.startswith(b"--type=") for part in arguments):
            os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.parametrize("transport", ["body"], indirect=True)
def test_crash_and_restart_of_browser_keep_the_key(
    chromium, tmp_path, live_server, with_dpop, grace
):
    profile = tmp_path / "profile"
    with start_browser(chromium, profile, live_server.url) as browser:
        page = browser.open()
        log_in(page, grace)
        page.evaluate("client.refresh()")
        # Chromium writes the storage of a page to disk when its last page is closed.
        other = browser.context.new_page()
        page.close()
        other.wait_for_timeout(500)
        kill(profile)
    with start_browser(chromium, profile, live_server.url) as browser:
        assert_undisturbed(browser.open(), grace)
