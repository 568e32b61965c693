"""Log in, refresh, call, kill the browser, start it again: the state of the sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, sync_playwright

from tests.browser.front_end import CALL, Site, Tabs, serving
from tests.clients.crash.browser import Browser
from tests.factories import PASSWORD

DELAYS = (1, 3, 20, 40)
"""Seconds between refresh and crash."""
SETTLE_SECONDS = 35
"""Chromium writes cookies to disk 30 seconds after the first change."""
OVERLAP_SECONDS = 1
TRANSPORTS = ("body", "cookie")

LOG_IN = "([name, word]) => client.login(name, word)"
KEEP_CALLING = f"() => {{ setInterval(() => {CALL}, 250); }}"
REFRESH = "client.refresh().then(() => 'refreshed', ({ action, code }) => ({ action, code }))"

Usernames = Mapping[tuple[int, str], str]


@dataclass
class CrashResult:
    """What the client of one transport reported."""

    before: Any = None
    """The answer to a call after the refresh, before the crash."""
    after: Any = None
    """The same after the restart."""
    refreshed: Any = None
    """The outcome of a refresh after the restart."""


@dataclass
class Crash:
    """One browser, which is killed after a delay."""

    delay: int
    profile: Path
    results: dict[str, CrashResult] = field(
        default_factory=lambda: {transport: CrashResult() for transport in TRANSPORTS}
    )

    @contextmanager
    def start(self, playwright: Playwright, site: Site) -> Iterator[dict[str, Page]]:
        """Start the browser, with one tab per transport; kill it at the end."""
        browser = Browser(playwright, self.profile)
        try:
            run = str(self.delay)
            yield {how: Tabs(browser.context, site, run, how).open() for how in TRANSPORTS}
        finally:
            browser.kill()


def crash_all(directory: Path, usernames: Usernames) -> dict[tuple[int, str], CrashResult]:
    """Kill a browser after each delay."""
    crashes = [Crash(delay, directory / f"profile-{delay}") for delay in DELAYS]
    with serving(ROTATION_OVERLAP=OVERLAP_SECONDS) as site, sync_playwright() as playwright:
        _crash(crashes, usernames, playwright, site)
        time.sleep(OVERLAP_SECONDS + 0.5)
        for crash in crashes:
            _restart(crash, playwright, site)
    return {(crash.delay, how): crash.results[how] for crash in crashes for how in TRANSPORTS}


def _crash(crashes: list[Crash], usernames: Usernames, playwright: Playwright, site: Site) -> None:
    with ExitStack() as stack:
        tabs = {}
        for crash in crashes:
            running = stack.enter_context(ExitStack())
            pages = running.enter_context(crash.start(playwright, site))
            tabs[crash.delay] = running, pages
            for how, page in pages.items():
                page.evaluate(LOG_IN, [usernames[crash.delay, how], PASSWORD])
        time.sleep(SETTLE_SECONDS)
        # The longest delay first, so that none delays the kill of another.
        refreshed = {}
        for crash in sorted(crashes, key=lambda crash: -crash.delay):
            running, pages = tabs[crash.delay]
            for how, page in pages.items():
                page.evaluate(REFRESH)
                crash.results[how].before = page.evaluate(CALL)
                page.evaluate(KEEP_CALLING)
            refreshed[crash.delay] = time.monotonic()
        for crash in crashes:
            time.sleep(max(0, refreshed[crash.delay] + crash.delay - time.monotonic()))
            tabs[crash.delay][0].close()


def _restart(crash: Crash, playwright: Playwright, site: Site) -> None:
    with crash.start(playwright, site) as pages:
        for how, page in pages.items():
            crash.results[how].after = page.evaluate(CALL)
            crash.results[how].refreshed = page.evaluate(REFRESH)
