"""Checks of ``DEVICE_BOUND_SESSIONS``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's name)

from refresh_sessions.checks.views import transports_in_use
from refresh_sessions.conf import NAMESPACE, Settings
from refresh_sessions.tokens.client_keys import has_cryptography

_KEY: Final = f"{NAMESPACE}['DEVICE_BOUND_SESSIONS']"
_PREFIX: Final = "__host-"

_SHORTEST: Final = timedelta(seconds=1)
"""Shorter lifetimes are reported as E003."""
_SHORT: Final = timedelta(minutes=4)


def check_device_sessions(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings of device-bound sessions that cannot work."""
    if settings.DEVICE_BOUND_SESSIONS and not has_cryptography():
        yield Error(
            f"{_KEY} is True, but the library cryptography is not installed: no session is bound "
            "to a device.",
            hint="Install it with `pip install django-refresh-sessions[crypto]`.",
            id="refresh_sessions.E028",
        )
    for path in settings.BOUND_COOKIE_PATHS:
        if not path.startswith("/"):
            yield Error(
                f"{NAMESPACE}['BOUND_COOKIE_PATHS'] contains {path!r}, which is not a path: "
                "browsers refuse to bind any session.",
                hint="Write the path of a URL from its first slash on, such as "
                "'/account/password/'.",
                id="refresh_sessions.E029",
            )


def check_device_sessions_deployment(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings with which device-bound sessions have no effect, or less than expected."""
    if not settings.DEVICE_BOUND_SESSIONS:
        return
    if "cookie" not in transports_in_use(settings):
        yield Warning(
            f"{_KEY} is True, but 'TRANSPORT' is 'body': browsers can bind sessions with a "
            "refresh cookie only.",
            hint="Set 'TRANSPORT' to 'cookie', or use DPoP, which works with both transports.",
            id="refresh_sessions.W031",
        )
    elif not settings.COOKIE_SECURE or not settings.COOKIE_NAME.lower().startswith(_PREFIX):
        yield Warning(
            f"{_KEY} is True, but the refresh cookie is not restricted to this host with HTTPS: "
            "'COOKIE_SECURE' is False, or 'COOKIE_NAME' lacks the prefix '__Host-'. Another host "
            "of the domain can replace the cookie before a browser binds the session.",
            hint="Use the defaults of both keys.",
            id="refresh_sessions.W032",
        )
    if settings.TRUSTED_PROXIES and not django_settings.SECURE_PROXY_SSL_HEADER:
        yield Warning(
            f"{_KEY} is True, and 'TRUSTED_PROXIES' names proxies, but SECURE_PROXY_SSL_HEADER is "
            "not set: if a proxy ends HTTPS, the bound cookie lacks Secure and '__Host-'.",
            hint="Set SECURE_PROXY_SSL_HEADER, or silence this check if the proxies forward "
            "HTTPS.",
            id="refresh_sessions.W033",
        )
    if _SHORTEST <= settings.BOUND_COOKIE_LIFETIME < _SHORT:
        yield Warning(
            f"{NAMESPACE}['BOUND_COOKIE_LIFETIME'] is shorter than four minutes: Chromium renews "
            "the cookie two minutes before its end, and makes few signatures in nine minutes. "
            "Beyond them refreshes are refused for some time.",
            hint="Use the default of ten minutes.",
            id="refresh_sessions.W034",
        )
