"""What the browser complains of while a test drives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => reportViolation({
    directive: event.effectiveDirective,
    blocked: event.blockedURI,
    line: event.lineNumber,
    page: location.pathname,
}));
"""

# Browsers ask for it on their own; whether a site has one is not the pages' affair.
_ICON = "/favicon.ico"


@dataclass
class Watch:
    """Listens to all that a tab shows, from before the first byte on."""

    violations: list[dict[str, Any]] = field(default_factory=list)
    """Of the Content-Security-Policy."""
    errors: list[str] = field(default_factory=list)
    """Scripts that failed, and whatever else the console calls an error."""

    def listen(self, page: Page) -> None:
        page.expose_function("reportViolation", self._note_violation)
        page.add_init_script(_REPORT_VIOLATIONS)
        page.on("console", self._note_message)
        page.on("pageerror", self._note_error)

    def settle(self, page: Page) -> None:
        """Wait until all that has happened so far has been told."""
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def expect_status(self, status: int) -> None:
        """Strike out that a page was refused, which the console calls an error as well."""
        (refusal,) = [error for error in self.errors if f"status of {status}" in error]
        self.errors.remove(refusal)

    def _note_violation(self, violation: dict[str, Any]) -> None:
        self.violations.append(violation)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(_ICON):
            self.errors.append(message.text)

    def _note_error(self, error: Error) -> None:
        self.errors.append(str(error))
