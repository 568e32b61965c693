"""A real browser with a profile on disk, which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.browser.equipment import chromium

ARGUMENTS = [
    "--headless",
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

    def __init__(self, profile: Path, url: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [chromium(), *ARGUMENTS, f"--user-data-dir={profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill the browser and all its processes with SIGKILL."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait(TIMEOUT_SECONDS)
