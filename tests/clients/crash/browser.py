"""A real browser with a profile on disk, which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright

from tests.browser.equipment import chromium

ARGUMENTS = [
    "--headless",
    "--remote-debugging-port=0",
    # Chromium's sandbox does not work for root.
    "--no-sandbox",
    "--disable-gpu",
    # No connections except to the test's server.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_SECONDS = 30


class Browser:
    """One start of Chromium with a profile, in its own process group."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        # Chromium writes its port for debuggers there.
        port_file = profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [chromium(), *ARGUMENTS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{_read_port(port_file)}")
        self.context: BrowserContext = browser.contexts[0]
        """The profile on disk."""

    def kill(self) -> None:
        """Kill the browser and all its processes with SIGKILL."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait(TIMEOUT_SECONDS)


def _read_port(file: Path) -> int:
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.1)
    raise TimeoutError(f"Chromium has not started: {file} is missing")
