"""Screenshots in docs/images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

NAMES = (
    "admin-sessions",
    "admin-sessions-dark",
    "admin-session",
    "admin-revoke",
    "admin-events",
    "devices-page",
    "devices-page-dark",
    "devices-page-phone",
    "devices-page-proof",
    "demo",
    "demo-dark",
)


@dataclass
class Screenshots:
    """Takes screenshots of one tab, into the docs if requested, otherwise elsewhere."""

    page: Page
    elsewhere: Path

    def take(self, name: str, *, whole_page: bool = False, polls: bool = False) -> None:
        """Take the screenshot with this name, of the viewport or of the whole page.

        A page that polls its server is never idle.
        """
        assert name in NAMES
        asked = os.environ.get("REFRESH_SESSIONS_SCREENSHOTS") == "1"
        path = (IMAGES if asked else self.elsewhere) / f"{name}.png"
        if not polls:
            self.page.wait_for_load_state("networkidle")
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=path, full_page=whole_page, animations="disabled")
