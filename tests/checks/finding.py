"""The messages of the checks for the current settings, and settings that cause them."""

import re
from datetime import timedelta
from pathlib import Path

from django.core.checks import CheckMessage

import refresh_sessions
from refresh_sessions.checks import check_deployment, check_settings, check_views

PACKAGE = Path(refresh_sessions.__file__).parent

STRONG = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcd"
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://none"}
LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
NOTHING = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}


def rates(login):
    return {"DEFAULT_THROTTLE_RATES": {"session-login": login}}


def seconds(number) -> timedelta:
    return timedelta(seconds=number)


def found() -> list[CheckMessage]:
    return [*check_settings(None), *check_deployment(None), *check_views(None)]


def ids() -> list[str]:
    return [str(message.id).removeprefix("refresh_sessions.") for message in found()]


class Case:
    """Settings for which one check reports, with the words of its message."""

    def __init__(self, id, *mentions, django=None, **options):  # noqa: A002
        self.id, self.mentions, self.django, self.options = id, mentions, django or {}, options

    def apply(self, settings):
        settings.REFRESH_SESSIONS = self.options
        for name, value in self.django.items():
            setattr(settings, name, value)

    def __repr__(self):
        return "-".join(map(str, [self.id, *self.options, *self.django]))


def scopes() -> list[str]:
    """The scopes of all throttles of the package, read from the source."""
    source = (PACKAGE / "rest_framework" / "throttling.py").read_text()
    return re.findall(r'^    scope = "([a-z-]+)"$', source, re.M)


def ids_in_source() -> list[str]:
    source = "".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py")))
    return re.findall(r"id=\"refresh_sessions\.([EW]\d{3})\"", source)
