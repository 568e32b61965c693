"""Requirements of these tests, and the message if they are missing."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from tests.browser.equipment import CHROMIUM_VARIABLE
from tests.clients.hosts import JAVASCRIPT

SWITCH = "REFRESH_SESSIONS_CLIENTS"


def left_out() -> str | None:
    """Return why clients cannot be tested, or None if they can."""
    reason = _missing()
    return f"Clients: left out, {reason}" if reason else None


def browser_left_out() -> str | None:
    """Return why crash tests cannot run, or None if they can."""
    if os.environ.get(SWITCH) not in {"1", "all"}:
        return "Crashes: left out, they belong to the clients (tox -e clients)"
    for module in ("playwright", "gunicorn"):
        if find_spec(module) is None:
            return f"Crashes: left out, {module} is not installed (run tox -e clients)"
    path = os.environ.get(CHROMIUM_VARIABLE)
    if path and Path(path).is_file():
        return None
    return f"Crashes: left out, {CHROMIUM_VARIABLE} names no browser (run scripts/browser install)"


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
