"""What these tests need from the machine, and what is said when it is not there."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

CHROMIUM_VARIABLE = "REFRESH_SESSIONS_CHROMIUM"
AXE_VARIABLE = "REFRESH_SESSIONS_AXE"


def chromium() -> str:
    """Where the browser is."""
    return os.environ[CHROMIUM_VARIABLE]


def axe_source() -> str:
    """The accessibility checker, to be run in a page."""
    return Path(os.environ[AXE_VARIABLE]).read_text(encoding="utf-8")


def left_out() -> str | None:
    """Say in one line why nothing can be tested in a browser, or None when it can."""
    reason = _missing()
    return f"Browser: left out, {reason}" if reason else None


def _missing() -> str | None:
    if find_spec("playwright") is None:
        return "Playwright is not installed (run tox -m browser)"
    for variable in (CHROMIUM_VARIABLE, AXE_VARIABLE):
        path = os.environ.get(variable)
        if not path:
            return f"{variable} is not set (run scripts/browser install)"
        if not Path(path).is_file():
            return f"{variable} names no file: {path}"
    return None
