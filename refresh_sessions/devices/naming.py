"""How a device is called where people read it."""

from __future__ import annotations

from typing import Final

from refresh_sessions.devices.hints import ClientHints

LABEL_LENGTH: Final = 80


def name_device(user_agent: str, hints: ClientHints) -> str:
    """A short name for a device, such as "Chrome on macOS"; empty where nothing is known."""
    return label(user_agent) or hints.model or hints.platform


def label(text: str) -> str:
    """A text on one short line."""
    line = " ".join(text.split())
    return line if len(line) <= LABEL_LENGTH else f"{line[: LABEL_LENGTH - 1]}…"
