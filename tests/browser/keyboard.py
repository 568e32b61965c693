"""Keyboard navigation."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

_MAX_PRESSES = 100
"""Maximum number of presses of Tab."""

_MARGIN = 6
"""Pixels around an element in which the focus may be visible."""


@dataclass
class Keyboard:
    """Presses keys and checks the focus."""

    page: Page

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def skip_to_content(self) -> None:
        """Follow the skip link of the admin.

        After a submitted form the URL may still have its fragment; then there is nothing to skip.
        """
        if self.page.url.endswith("#content-start"):
            return
        self.press("Tab")
        expect(self.page.get_by_role("link", name="Skip to main content")).to_be_focused()
        self.press("Enter")

    def go_to(self, target: Locator, *, by: str = "Tab") -> None:
        """Press Tab or Shift+Tab until the element has a visible focus."""
        element = target.element_handle()
        for _ in range(_MAX_PRESSES):
            self.press(by)
            if element.evaluate("element => element === document.activeElement"):
                assert self.focus_is_visible(target), f"focus cannot be seen on {target}"
                return
        raise AssertionError(f"{by} does not lead to {target}")

    def follow(self, target: Locator, *, key: str = "Enter", by: str = "Tab") -> None:
        """Focus the element and press a key that opens another page."""
        self.go_to(target, by=by)
        with self.page.expect_navigation():
            self.press(key)

    def focus_is_visible(self, target: Locator) -> bool:
        """Whether the element looks different without the focus."""
        focused = self._look_at(target)
        target.evaluate("element => element.blur()")
        blurred = self._look_at(target)
        # After keyboard use, the browser also shows a focus that was set by a script.
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
