"""Ready-made settings that follow a standard to the letter, where the defaults do not.

Spread one into ``REFRESH_SESSIONS`` and add what is yours; they may be combined::

    from refresh_sessions import presets

    REFRESH_SESSIONS = {**presets.AAL2, **presets.STRICT, "AUDIENCE": "shop-api"}

They are mappings that nobody changes by accident. ``docs/standards.md`` says which item of which
standard each is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final


class Preset(Mapping[str, Any]):
    """Settings that cannot be changed. Unlike a ``MappingProxyType`` it can be copied, pickled."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self}

    def __repr__(self) -> str:
        return f"Preset({self._values!r})"


STRICT: Final[Mapping[str, Any]] = Preset(
    {
        "ROTATION_OVERLAP": timedelta(0),
        "LOST_RESPONSE_RECOVERY": False,
    }
)
"""Each used refresh token is dead at once, and ends the session if it comes back (ASVS 10.4.5).

The price: a client whose tabs refresh in parallel, or whose answer gets lost, is signed out.
``check --deploy`` reminds of it with ``refresh_sessions.W003``, which is to be silenced then.
"""

AAL2: Final[Mapping[str, Any]] = Preset(
    {
        "SESSION_LIFETIME": timedelta(hours=24),
        "REFRESH_TOKEN_LIFETIME": timedelta(hours=1),
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    }
)
"""The limits in time of authenticator assurance level 2 (NIST SP 800-63B-4): 24 hours, 1 idle."""

AAL3: Final[Mapping[str, Any]] = Preset(
    {
        "SESSION_LIFETIME": timedelta(hours=12),
        "REFRESH_TOKEN_LIFETIME": timedelta(minutes=15),
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    }
)
"""The limits in time of authenticator assurance level 3: 12 hours, 15 minutes idle.

The access token is shorter than usual, so that a person who works on is seen refreshing in time.
"""
