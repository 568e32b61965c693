"""Who may lose a session, and who may not: the one table of what the stories have to show.

===================== ============ ============= ==================== ====================
story                 docs         typical       naive, cookies kept  naive, no cookies
===================== ============ ============= ==================== ====================
2, 3, 8b, 8c, 10a, b  stays        stays         stays                may be signed out
4, 4b lost answer     stays        stays         signs itself out     signs itself out
11 twelve expiries    stays        stays         stays                may be signed out
11, no cookies        stays        may reach the limit of recoveries  may be signed out
===================== ============ ============= ==================== ====================

Nobody is accused in any cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refresh_sessions.conf import Settings
from tests.clients.world import Case

COMPANION = hasattr(Settings, "COMPANION_COOKIE")
"""Whether the package tells siblings by a cookie yet, and forgives those that have none."""

_LOST = {"4-lost-answer", "4b-lost-answer-late"}
_LONG = "11-twelve-expiries"


@dataclass(frozen=True)
class Expected:
    """What a case may come to; nobody may ever be accused."""

    end: Literal["stays", "signs itself out", "may be signed out", "may reach the limit"]
    pending: bool = False
    """It takes what the package does not have yet."""

    def allows(self, *, signed_out: bool, ended: str) -> bool:
        """Whether a client may end so, with this reason for which the server revoked."""
        match self.end:
            case "stays":
                return not signed_out
            case "signs itself out":
                return signed_out
            case "may reach the limit":
                return not signed_out or ended != "reuse"
            case "may be signed out":
                return True


def expected(case: Case) -> Expected:
    """Look a case up in the table above."""
    pending = not COMPANION and case.style != "docs" and case.story not in _LOST
    if case.style == "naive":
        if case.story in _LOST:
            return Expected("signs itself out")
        if not case.jar:
            return Expected("may be signed out")
    if case.style == "typical" and case.story == _LONG and not case.jar:
        return Expected("may reach the limit", pending=pending)
    return Expected("stays", pending=pending)
