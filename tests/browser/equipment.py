"""Requirements of these tests, and the message if they are missing."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

CHROMIUM_VARIABLE = "REFRESH_SESSIONS_CHROMIUM"
AXE_VARIABLE = "REFRESH_SESSIONS_AXE"


def chromium() -> str:
    """Return the path of the browser."""
    return os.environ[CHROMIUM_VARIABLE]


def certutil() -> str:
    """Return the path of the program that makes the browser trust a certificate."""
    found = shutil.which("certutil")
    assert found is not None
    return found


def axe_source() -> str:
    """Return the source of axe-core."""
    return Path(os.environ[AXE_VARIABLE]).read_text(encoding="utf-8")


def left_out() -> str | None:
    """Return why browser tests cannot run, or None if they can."""
    reason = _missing()
    return f"Browser: left out, {reason}" if reason else None


def _missing() -> str | None:
    for module in ("playwright", "gunicorn"):
        if find_spec(module) is None:
            return f"{module} is not installed (run tox -m browser)"
    for variable in (CHROMIUM_VARIABLE, AXE_VARIABLE):
        path = os.environ.get(variable)
        if not path:
            return f"{variable} is not set (run scripts/browser install)"
        if not Path(path).is_file():
            return f"{variable} names no file: {path}"
    if shutil.which("certutil") is None:
        return "certutil is not installed (run scripts/browser install)"
    return None
