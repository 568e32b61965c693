"""Presets for ``REFRESH_SESSIONS`` that follow a standard more strictly than the defaults.

Unpack one into ``REFRESH_SESSIONS`` and add your own settings; presets can be combined::

    from refresh_sessions import presets

    REFRESH_SESSIONS = {**presets.AAL2, **presets.STRICT, "AUDIENCE": "shop-api"}

``docs/standards.md`` lists the items of each standard that a preset is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final


class Preset(Mapping[str, Any]):
    """An immutable mapping of settings; unlike a ``MappingProxyType`` it can be pickled."""

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
"""A used refresh token is unusable at once; its reuse revokes the session (ASVS 10.4.5).

The cost: parallel refreshes of one client, or a lost response, log the client out. Silence the
warning ``refresh_sessions.W003`` of ``check --deploy`` with this preset.
"""

AAL2: Final[Mapping[str, Any]] = Preset(
    {
        "SESSION_LIFETIME": timedelta(hours=24),
        "REFRESH_TOKEN_LIFETIME": timedelta(hours=1),
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    }
)
"""Time limits of authenticator assurance level 2 (NIST SP 800-63B-4): 24 hours, 1 hour idle."""

AAL3: Final[Mapping[str, Any]] = Preset(
    {
        "SESSION_LIFETIME": timedelta(hours=12),
        "REFRESH_TOKEN_LIFETIME": timedelta(minutes=15),
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    }
)
"""Time limits of authenticator assurance level 3: 12 hours, 15 minutes idle.

The access token is shorter than by default, so that an active client refreshes before the idle
limit.
"""
