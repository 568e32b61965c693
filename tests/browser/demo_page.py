"""The page of ``manage.py demo --serve`` in a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

PATIENCE = 20_000
"""Milliseconds: a lost answer is repeated after a second, and an access token lasts twenty."""


@dataclass
class DemoPage:
    """Presses buttons of the page and reads its result."""

    page: Page
    address: str

    def open(self) -> None:
        """Open the page; Ada is logged in then."""
        self.page.goto(f"{self.address}/")
        self.expect_idle()
        self.expect_logged_in()

    @property
    def verdict(self) -> Locator:
        return self.page.locator("#verdict")

    @property
    def summary(self) -> Locator:
        return self.page.locator("#summary")

    @property
    def timeline(self) -> Locator:
        return self.page.locator("#timeline li")

    @property
    def attacker(self) -> Locator:
        return self.page.locator("#attacker-status")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, name: str) -> None:
        """Press a button and wait for the end of its action."""
        self.button(name).click()
        self.expect_idle()

    def follow(self, link: Locator) -> Page:
        """Click a link to another page, which opens in a tab of its own."""
        with self.page.expect_popup() as popup:
            link.click()
        return popup.value

    def switch_to(self, mode: str) -> None:
        """Choose another mode, which repeats the last action."""
        self.page.get_by_role("navigation", name="Mode").get_by_role("link", name=mode).click()
        self.page.wait_for_url(re.compile(r"#\w+$"))

    def expect_idle(self) -> None:
        expect(self.page.locator("body")).not_to_have_attribute(
            "data-running", "", timeout=PATIENCE
        )
        expect(self.summary).not_to_have_text("…", timeout=PATIENCE)

    def expect_logged_in(self) -> None:
        expect(self.verdict).to_have_text("Ada is logged in")
        self.expect_each_tab("200 OK")

    def expect_logged_out(self) -> None:
        expect(self.verdict).to_have_text("Ada is logged out", timeout=PATIENCE)
        self.expect_each_tab("Logged out")

    def expect_each_tab(self, status: str) -> None:
        for number in (1, 2, 3):
            frame = self.page.frame_locator(f"iframe[title^='Tab {number}']")
            expect(frame.locator("#status")).to_have_text(status, timeout=PATIENCE)
