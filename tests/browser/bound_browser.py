"""Chromium that binds sessions to the device (DBSC) without a TPM, and without a window.

It registers nothing, and reports no error, unless all of this is so:

- The profile is persistent: ``launch_persistent_context``, not ``new_context``.
- The features are on, with keys in software.
- The certificate of the server is trusted. ``--ignore-certificate-errors`` is not enough, so the
  home directory of the browser has an NSS database with the certificate authority of the tests.
- The host has a registrable domain.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import equipment
from tests.browser.secure_server import HOST

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

_ARGUMENTS = (
    "--enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
)


def trust(home: Path, authority: Path) -> None:
    """Create a home directory whose browsers trust the certificate authority."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for command in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "tests", "-i", str(authority)],
    ):
        subprocess.run(  # noqa: S603  (our own command)
            [equipment.certutil(), "-d", f"sql:{database}", *command],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


class BoundBrowser:
    """Opens profiles of the browser below one home directory.

    A profile keeps its keys and cookies: close its context and open it again to restart the
    browser. Another name is another device. The browser sends the requests to register and to
    refresh by itself, and Playwright does not see them: observe them at the server.
    """

    def __init__(self, playwright: Playwright, home: Path, arguments: Sequence[str]) -> None:
        self._playwright, self._home, self._arguments = playwright, home, arguments
        self._open: list[BrowserContext] = []

    def open(self, profile: str = "owner") -> BrowserContext:
        """Start a browser process with a profile, which is created if it is missing."""
        context = self._playwright.chromium.launch_persistent_context(
            self._home / "profiles" / profile,
            executable_path=equipment.chromium(),
            args=[*self._arguments, *_ARGUMENTS],
            env={**os.environ, "HOME": str(self._home)},
        )
        context.set_default_timeout(30_000)
        self._open.append(context)
        return context

    def close(self) -> None:
        """Close all processes."""
        for context in self._open:
            context.close()
