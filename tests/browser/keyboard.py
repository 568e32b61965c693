"""Somebody without a mouse."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

_MOST_STOPS = 100
"""Presses of Tab after which nobody would believe that there is a way."""

_MARGIN = 6
"""Pixels around an element in which its focus may show."""


@dataclass
class Keyboard:
    """Presses keys, and looks where the focus is."""

    page: Page

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def skip_to_content(self) -> None:
        """Take the first link of every page of the admin, which is there for this.

        A form sends its answer to where the page was, content and all: then nothing is to skip.
        """
        if self.page.url.endswith("#content-start"):
            return
        self.press("Tab")
        expect(self.page.get_by_role("link", name="Skip to main content")).to_be_focused()
        self.press("Enter")

    def go_to(self, target: Locator, *, by: str = "Tab") -> None:
        """Press Tab, or Shift+Tab, until the focus is there, and see that it shows."""
        element = target.element_handle()
        for _ in range(_MOST_STOPS):
            self.press(by)
            if element.evaluate("element => element === document.activeElement"):
                assert self.focus_shows(target), f"focus cannot be seen on {target}"
                return
        raise AssertionError(f"{by} does not lead to {target}")

    def follow(self, target: Locator, *, key: str = "Enter", by: str = "Tab") -> None:
        """Go there and press a key that leads to another page."""
        self.go_to(target, by=by)
        with self.page.expect_navigation():
            self.press(key)

    def focus_shows(self, target: Locator) -> bool:
        """Whether the element looks different without the focus."""
        focused = self._look_at(target)
        target.evaluate("element => element.blur()")
        blurred = self._look_at(target)
        # After the keyboard, the browser shows a focus that a script sets as it shows its own.
        target.focus()
        return focused != blurred

    def _look_at(self, target: Locator) -> bytes:
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box is not None, f"{target} cannot be seen"
        return self.page.screenshot(
            clip={
                "x": max(box["x"] - _MARGIN, 0),
                "y": max(box["y"] - _MARGIN, 0),
                "width": box["width"] + 2 * _MARGIN,
                "height": box["height"] + 2 * _MARGIN,
            }
        )
