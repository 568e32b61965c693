"""The settings in force, parsed again if ``settings.REFRESH_SESSIONS`` was replaced."""

from __future__ import annotations

from typing import Any, Final, get_origin, get_type_hints

from django.conf import settings as django_settings

from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.conf.validation import find_problems
from refresh_sessions.exceptions import SettingsError

_UNSET: Final = object()
_HINTS: Final = get_type_hints(Settings)


def parse_settings(raw: Any) -> Settings:
    """Build the settings object.

    Raises:
        SettingsError: a setting is unknown or invalid; with the first problem.

    """
    for problem in find_problems(raw):
        raise SettingsError(problem)
    # Lists become tuples: the values are used as cache keys and must be hashable.
    stored: dict[str, Any] = {
        key: tuple(value) if get_origin(_HINTS[key]) is tuple else value
        for key, value in raw.items()
    }
    return Settings(**stored)


class _SettingsLoader:
    """Parses the settings again if the dict was replaced.

    Compares identity instead of using the signal ``setting_changed``, which pytest-django's
    ``del settings.X`` does not send.
    """

    def __init__(self) -> None:
        self._last: tuple[object, Settings] = (_UNSET, Settings())

    def __call__(self) -> Settings:
        raw = getattr(django_settings, NAMESPACE, _UNSET)
        last, parsed = self._last
        if raw is not last:
            parsed = Settings() if raw is _UNSET else parse_settings(raw)
            self._last = (raw, parsed)
        return parsed


get_settings = _SettingsLoader()
"""Return the settings in force. Call it at each use; do not store the result."""
