"""Conversions of single claims; each raises ``ValueError`` for what no token of ours contains."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

MAX_GENERATION: Final = 2**31 - 2
"""The largest generation that, grown by one, still fits the database column."""


def to_uuid(value: Any) -> UUID:
    """A canonical UUID; ``UUID()`` alone also takes braces, prefixes and capitals."""
    parsed = UUID(to_text(value))
    if str(parsed) != value:
        raise ValueError("not a canonical UUID")
    return parsed


def to_generation(value: Any) -> int:
    """The number of a token in its family, from 1."""
    if type(value) is not int or not 1 <= value <= MAX_GENERATION:
        raise ValueError("not a generation")
    return value


def to_text(value: Any) -> str:
    """A string that says something."""
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def to_instant(value: Any) -> datetime:
    """A NumericDate (RFC 7519 §2) as an aware datetime."""
    if type(value) is not int:
        raise ValueError("not a whole number of seconds")
    return datetime.fromtimestamp(value, tz=UTC)


def from_instant(value: datetime) -> int:
    """Whole seconds, cut off: an ``exp`` must not lie behind the instant it was made from."""
    return int(value.timestamp())
