"""Log in, refresh, call, kill the browser, start it again: the state of the sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from refresh_sessions.models import EventKind, SessionEvent
from tests.clients.crash.browser import Browser
from tests.clients.crash.site import OVERLAP_SECONDS, Site
from tests.factories import PASSWORD

DELAYS = (1, 3, 20, 40)
"""Seconds between refresh and crash."""
SETTLE_SECONDS = 35
"""Chromium writes cookies to disk 30 seconds after the first change."""
TRANSPORTS = ("body", "cookie")

Usernames = Mapping[tuple[int, str], str]


@dataclass(frozen=True)
class CrashResult:
    """State of one session after the restart of the browser."""

    before: dict[str, Any]
    """The report of the page before the crash."""
    after: dict[str, Any]
    reuse_reported: bool


def crash_all(
    directory: Path, usernames: Usernames, database: str
) -> dict[tuple[int, str], CrashResult]:
    """Kill a browser after each delay, in parallel."""
    site = Site(database)
    try:
        with ThreadPoolExecutor(len(DELAYS)) as pool:
            reports = list(
                pool.map(lambda delay: _crash(site, directory, delay, usernames), DELAYS)
            )
    finally:
        site.close()
    return {
        (delay, transport): CrashResult(
            before=before[transport],
            after=after[transport],
            reuse_reported=SessionEvent.objects.filter(
                session__user__username=usernames[delay, transport],
                kind=EventKind.REUSE_DETECTED,
            ).exists(),
        )
        for delay, (before, after) in zip(DELAYS, reports, strict=True)
        for transport in TRANSPORTS
    }


def _crash(
    site: Site, directory: Path, delay: int, usernames: Usernames
) -> tuple[dict[str, Any], dict[str, Any]]:
    profile = directory / f"profile-{delay}"
    names = {transport: usernames[delay, transport] for transport in TRANSPORTS}
    query = {**names, "password": PASSWORD, "settle": str(SETTLE_SECONDS)}
    with _visit(site, profile, "first", f"{delay}-before", query) as (browser, before):
        time.sleep(delay)
        browser.kill()
    time.sleep(max(0, OVERLAP_SECONDS - delay) + 0.5)
    with _visit(site, profile, "again", f"{delay}-after", {}) as (_, after):
        return before, after


@contextmanager
def _visit(
    site: Site, profile: Path, what: str, visit: str, query: Mapping[str, str]
) -> Iterator[tuple[Browser, dict[str, Any]]]:
    address = f"{site.origin}/?{urlencode({'do': what, 'visit': visit, **query})}"
    browser = Browser(profile, address)
    try:
        yield browser, site.report(visit)
    finally:
        browser.kill()
