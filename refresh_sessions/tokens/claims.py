"""Claims: conversions of single claims, with ``ValueError`` for invalid values."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")

MAX_GENERATION: Final = 2**31 - 2
"""The largest generation whose successor fits the database column."""


def to_uuid(value: Any) -> UUID:
    """A UUID in canonical form; ``UUID()`` also accepts braces, prefixes and capitals."""
    if not isinstance(value, str) or not _CANONICAL_UUID.fullmatch(value):
        raise ValueError("not a canonical UUID")
    return UUID(value)


def to_generation(value: Any) -> int:
    """A generation, from 1."""
    if type(value) is not int or not 1 <= value <= MAX_GENERATION:
        raise ValueError("not a generation")
    return value


def to_text(value: Any) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def to_instant(value: Any) -> datetime:
    """A NumericDate (RFC 7519 §2) as an aware datetime."""
    if type(value) is not int:
        raise ValueError("not a whole number of seconds")
    return datetime.fromtimestamp(value, tz=UTC)


def from_instant(value: datetime) -> int:
    """A NumericDate, rounded down: ``exp`` must not be later than its instant."""
    return int(value.timestamp())
