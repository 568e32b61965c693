"""A real browser on a real disk, which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.browser.equipment import chromium

ARGUMENTS = [
    "--headless",
    # As root its own sandbox does not work.
    "--no-sandbox",
    "--disable-gpu",
    # It shall talk to the test's server and to nobody else.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30


class Browser:
    """One start of Chromium with a profile, in a process group of its own."""

    def __init__(self, profile: Path, url: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (our own command)
            [chromium(), *ARGUMENTS, f"--user-data-dir={profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """SIGKILL the browser and every process that it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self._process.wait(PATIENCE)
