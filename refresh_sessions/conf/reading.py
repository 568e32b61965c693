"""The settings in force, parsed when Django holds another dict."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings as django_settings

from refresh_sessions.conf.problems import problems
from refresh_sessions.conf.settings import NAMESPACE, Settings
from refresh_sessions.exceptions import SettingsError

_UNSET: Final = object()


def parse_settings(raw: Any) -> Settings:
    """Build the settings object, or raise ``SettingsError`` with the first problem found."""
    for problem in problems(raw):
        raise SettingsError(problem)
    return Settings(**raw)


class _Reader:
    """Parse again only when Django holds another dict.

    Identity, not the signal ``setting_changed``: pytest-django's ``del settings.X`` sends none.
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


get_settings = _Reader()
"""The settings in force now. Call it where a value is used; keep nothing."""
