"""Recorder of the browser's errors and policy violations."""

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

# Browsers request it on their own.
_ICON = "/favicon.ico"


@dataclass
class ErrorRecorder:
    """Records the errors of a tab from the first byte on."""

    violations: list[dict[str, Any]] = field(default_factory=list)
    """Violations of the Content-Security-Policy."""
    errors: list[str] = field(default_factory=list)
    """Failed scripts, and other errors of the console."""

    def listen(self, page: Page) -> None:
        page.expose_function("reportViolation", self._record_violation)
        page.add_init_script(_REPORT_VIOLATIONS)
        page.on("console", self._record_message)
        page.on("pageerror", self._record_error)

    def settle(self, page: Page) -> None:
        """Wait until pending reports have arrived."""
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def expect_status(self, status: int) -> None:
        """Remove the console error of an expected status."""
        (refusal,) = [error for error in self.errors if f"status of {status}" in error]
        self.errors.remove(refusal)

    def _record_violation(self, violation: dict[str, Any]) -> None:
        self.violations.append(violation)

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(_ICON):
            self.errors.append(message.text)

    def _record_error(self, error: Error) -> None:
        self.errors.append(str(error))
