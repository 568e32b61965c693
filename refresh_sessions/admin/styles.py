"""The style sheets: one for all pages, and one for each kind of page."""

from __future__ import annotations

from collections.abc import Sequence


def style_sheets(*names: str) -> dict[str, Sequence[str]]:
    """The ``css`` of an inner class ``Media``."""
    return {"all": [f"refresh_sessions/admin/{name}.css" for name in names]}
