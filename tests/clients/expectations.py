"""Expected outcomes of all scenarios, by style of client.

===================== ============ ============= ==================== ====================
scenario              docs         typical       naive, cookies kept  naive, no cookies
===================== ============ ============= ==================== ====================
2, 3, 8b, 8c, 10a, b  stays        stays         stays                may be logged out
4, 4b lost answer     stays        stays         logs itself out      logs itself out
11 twelve expiries    stays        stays         stays                may be logged out
11, no cookies        stays        may reach the limit of recoveries  may be logged out
===================== ============ ============= ==================== ====================

Reuse is never reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refresh_sessions.conf import Settings
from tests.clients.scenario_run import Case

COMPANION = hasattr(Settings, "COMPANION_COOKIE")
"""Whether the package identifies siblings by a cookie."""

_LOST = {"4-lost-answer", "4b-lost-answer-late"}
_LONG = "11-twelve-expiries"


@dataclass(frozen=True)
class Expected:
    """The permitted outcome of a case; reuse must never be reported."""

    end: Literal["stays", "logs itself out", "may be logged out", "may reach the limit"]
    pending: bool = False
    """The outcome requires a missing feature of the package."""

    def allows(self, *, signed_out: bool, ended: str) -> bool:
        """Whether the outcome is permitted, with the reason of the revocation."""
        match self.end:
            case "stays":
                return not signed_out
            case "logs itself out":
                return signed_out
            case "may reach the limit":
                return not signed_out or ended != "reuse"
            case "may be logged out":
                return True


def expected(case: Case) -> Expected:
    """Return the expected outcome of a case, as in the table above."""
    pending = not COMPANION and case.style != "docs" and case.scenario not in _LOST
    if case.style == "naive":
        if case.scenario in _LOST:
            return Expected("logs itself out")
        if not case.jar:
            return Expected("may be logged out")
    if case.style == "typical" and case.scenario == _LONG and not case.jar:
        return Expected("may reach the limit", pending=pending)
    return Expected("stays", pending=pending)
