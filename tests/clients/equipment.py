"""What these tests need, and what is said when it is not there."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from tests.clients.hosts import JAVASCRIPT

SWITCH = "REFRESH_SESSIONS_CLIENTS"


def left_out() -> str | None:
    """Say in one line why no client can be tested, or None when they can."""
    reason = _missing()
    return f"Clients: left out, {reason}" if reason else None


def _missing() -> str | None:
    if os.environ.get(SWITCH) not in {"1", "all"}:
        return "they have a leg of their own (tox -e clients)"
    for module in ("httpx", "authlib"):
        if find_spec(module) is None:
            return f"{module} is not installed (run tox -e clients)"
    if shutil.which("node") is None:
        return "node is not installed"
    if not (JAVASCRIPT / "node_modules").exists():
        return "scripts/client-libraries was not run"
    return None
