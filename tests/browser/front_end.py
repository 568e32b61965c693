"""A front end with the JavaScript client, on gunicorn workers behind a proxy."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from tests.clients.proxy import Disturbance, Proxy, Route
from tests.factories import PASSWORD
from tests.races.server import gunicorn

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

WORKERS = 2
LONGEST_STOP = 10
EXPIRED_MS = 2200
"""Milliseconds after a login in which its access token has expired."""

LATE = Disturbance(delay=1.5)
"""The response arrives late, but within the time-out of the client."""
TOO_LATE = Disturbance(delay=3.5)
"""The response arrives after the client has stopped waiting."""
LOST = Disturbance(lost=True)
"""The server has rotated, and the connection is closed without a response."""

ME = "who-am-i/"
READY = "() => 'call' in window"
CALL = f"call('{ME}')"


@dataclass(frozen=True)
class Site:
    """The servers behind the proxy."""

    proxy: Proxy

    def url(self, run: str) -> str:
        """Return the base URL of a run; its route has the faults and the answers."""
        # Chromium accepts secure cookies over plain HTTP from this name.
        return self.proxy.origin(run).replace("127.0.0.1", "localhost")

    def route(self, run: str) -> Route:
        return self.proxy.route(run)


@contextmanager
def serving(**options: Any) -> Iterator[Site]:
    """Serve the front end with these options of the package; numbers are seconds."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.browser.server_settings",
        "REFRESH_SESSIONS_SERVED_OPTIONS": json.dumps(
            {"POLICY": "tests.browser.front_end_urls.Policy", "LEEWAY": 0, **options}
        ),
    }
    with gunicorn(WORKERS, **variables) as port, _running(Proxy([port])) as proxy:
        yield Site(proxy)


@contextmanager
def _running(proxy: Proxy) -> Iterator[Proxy]:
    """Run the proxy in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_stop(proxy), loop).result(LONGEST_STOP)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(proxy: Proxy) -> None:
    # Connections that a browser has opened in advance would never end.
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await proxy.stop()


class Tabs:
    """Tabs of one browser with the client, and the faults of their network."""

    def __init__(self, context: BrowserContext, site: Site, run: str, transport: str) -> None:
        self.context = context
        self.url = site.url(run)
        self.network = site.route(run)
        self._page = f"{self.url}/front-end/{transport}/"

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(self._page)
        page.wait_for_function(READY)
        return page

    @property
    def refreshes(self) -> int:
        """Number of refreshes that the servers have answered."""
        return sum(path.endswith("/refresh/") for path, _ in self.network.answers)


def log_in(page: Page, user: Any) -> None:
    page.evaluate("([name, word]) => client.login(name, word)", [user.get_username(), PASSWORD])


def start(page: Page, script: str) -> None:
    """Start a call without waiting for it."""
    page.evaluate(f"() => {{ window.started = {script}; }}")


def result(page: Page) -> Any:
    return page.evaluate("window.started")


@contextmanager
def frozen(page: Page) -> Iterator[None]:
    """Stop all scripts of a tab, its timers and answers too.

    Chromium itself freezes only hidden tabs, and under Playwright none is hidden.
    """
    page.evaluate("() => { window.ticks = 0; window.ticking = setInterval(() => ticks++, 50); }")
    debugger = page.context.new_cdp_session(page)
    debugger.send("Debugger.enable")
    debugger.send("Debugger.pause")
    yield
    debugger.send("Debugger.resume")
    debugger.detach()
    assert page.evaluate("clearInterval(ticking), ticks") < 10


def assert_logged_in(page: Page, user: Any) -> None:
    assert page.evaluate(CALL)["user"] == str(user.pk)


def assert_one_live_token(page: Page, user: Any) -> None:
    """The browser can refresh, and no reuse was recorded."""
    page.evaluate("client.refresh()")
    assert_logged_in(page, user)
    assert DeviceSession.objects.active().for_user(user).count() == 1
    assert not SessionEvent.objects.filter(kind=EventKind.REUSE_DETECTED).exists()
