"""Durations that people write as text, and how code writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from django.utils.dateparse import parse_duration

_UNITS: Final = {
    name: unit
    for unit, names in {
        "seconds": "s sec secs second seconds",
        "minutes": "m min mins minute minutes",
        "hours": "h hr hrs hour hours",
        "days": "d day days",
        "weeks": "w week weeks",
    }.items()
    for name in names.split()
}
_PART: Final = r"(\d+(?:\.\d+)?)\s*([a-z]+)"
_PARTS: Final = re.compile(rf"{_PART}(?:[\s,]*{_PART})*", re.ASCII)


def read_duration(text: str) -> timedelta | None:
    """Read ``15m``, ``1h 30m``, ``30 days``, ``00:15:00`` or ISO 8601; a bare number is seconds.

    Returns:
        The duration, or None if the text is not one.

    """
    text = text.strip()
    try:
        if text and _PARTS.fullmatch(text.lower()):
            return _sum(re.findall(_PART, text.lower(), re.ASCII))
        # An empty text, as from a variable that is not set, would be zero to Django.
        return parse_duration(text) if text else None
    except (KeyError, ValueError, OverflowError):
        return None


def _sum(parts: list[tuple[str, str]]) -> timedelta:
    exact = {unit: float(number) if "." in number else int(number) for number, unit in parts}
    return sum(
        (timedelta(**{_UNITS[unit]: number}) for unit, number in exact.items()), timedelta(0)
    )


def to_duration(value: Any) -> timedelta | None:
    """The duration that somebody means by a number of seconds or by a text, or None."""
    if isinstance(value, str):
        return read_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None


def in_code(duration: timedelta) -> str:
    """The duration as source code: ``timedelta(seconds=900)``."""
    seconds = duration.total_seconds()
    return f"timedelta(seconds={int(seconds) if seconds.is_integer() else seconds})"
