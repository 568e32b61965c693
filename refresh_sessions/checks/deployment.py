"""Warnings about settings that work but are a risk; reported by ``check --deploy``.

A project can silence a warning with its id in ``SILENCED_SYSTEM_CHECKS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Any, Final

from django.conf import global_settings, settings as django_settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Warning  # noqa: A004  (Django's name)
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_str

from refresh_sessions.checks.bound_sessions import check_bound_sessions
from refresh_sessions.checks.device_sessions import check_device_sessions_deployment
from refresh_sessions.checks.throttles import check_access_token_check, check_throttles
from refresh_sessions.checks.views import transports_in_use
from refresh_sessions.conf import NAMESPACE, NETWORK_WORDS, Settings

_KEY_LENGTH: Final = 50
_INSECURE_PREFIX: Final = "django-insecure-"
_DISTINCT_CHARACTERS: Final = 5

_SHORT_OVERLAP: Final = timedelta(seconds=2)
"""Requests of one client run in parallel for this long on a mobile network."""
_LONG_ACCESS: Final = timedelta(minutes=60)
_LONG_LEEWAY: Final = timedelta(seconds=60)

_PROXY_SETTINGS: Final = (
    "SECURE_PROXY_SSL_HEADER",
    "USE_X_FORWARDED_HOST",
    "USE_X_FORWARDED_PORT",
)
"""Django's settings that are only used behind a proxy."""


def find_warnings(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings that work, but are a risk in production."""
    yield from _check_secret_keys()
    yield from _check_overlap(settings)
    yield from _check_lifetimes(settings)
    yield from _check_delivery(settings)
    yield from _check_companion(settings)
    yield from check_throttles()
    if "cookie" in transports_in_use(settings):
        yield from _check_cookie(settings)
    yield from check_access_token_check(settings)
    yield from _check_proxies(settings)
    yield from _check_unnamed_proxy(settings)
    yield from check_bound_sessions(settings)
    yield from _check_user_id_field(settings)
    yield from _check_sender(settings)
    yield from _check_places()
    yield from check_device_sessions_deployment(settings)


def _check_secret_keys() -> Iterator[CheckMessage]:
    keys: dict[str, str | bytes]
    try:
        keys = {"SECRET_KEY": django_settings.SECRET_KEY}
    except ImproperlyConfigured:
        keys = {"SECRET_KEY": ""}
    for index, key in enumerate(django_settings.SECRET_KEY_FALLBACKS):
        # A key that only verifies allows forgery as well.
        keys[f"SECRET_KEY_FALLBACKS[{index}]"] = key
    for name, key in keys.items():
        if _is_weak(key):
            yield Warning(
                f"{name} can be guessed, and the keys of access and refresh tokens are derived "
                "from it: an attacker with the key can issue tokens for any user.",
                hint=f"Use at least {_KEY_LENGTH} random characters without the prefix "
                f"'{_INSECURE_PREFIX}', such as the result of get_random_secret_key().",
                id="refresh_sessions.W001",
            )


def _is_weak(key: str | bytes) -> bool:
    text = force_str(key, errors="replace")
    return (
        len(text) < _KEY_LENGTH
        or len(set(text)) < _DISTINCT_CHARACTERS
        or text.startswith(_INSECURE_PREFIX)
    )


def _check_overlap(settings: Settings) -> Iterator[CheckMessage]:
    overlap = settings.ROTATION_OVERLAP
    if overlap > settings.ACCESS_TOKEN_LIFETIME:
        yield Warning(
            f"{NAMESPACE}['ROTATION_OVERLAP'] is longer than 'ACCESS_TOKEN_LIFETIME': a client "
            "may refresh again before its token can be rotated, and an attacker within the "
            "overlap counts as a sibling of the client.",
            hint="Use seconds: a little more than the longest time-out of clients and proxies.",
            id="refresh_sessions.W002",
        )
    if overlap < _SHORT_OVERLAP:
        strict = (
            ""
            if settings.LOST_RESPONSE_RECOVERY
            else (
                " With 'LOST_RESPONSE_RECOVERY' off, this is the strict mode: a used token is "
                "unusable at once. If you chose the strict mode, silence this check."
            )
        )
        yield Warning(
            f"{NAMESPACE}['ROTATION_OVERLAP'] is shorter than two seconds: parallel refreshes of "
            "a client on a slow network count as reuse, and the session is revoked.",
            hint="Use a little more than the longest time-out of clients and proxies; the "
            f"default is ten seconds.{strict}",
            id="refresh_sessions.W003",
        )


def _check_delivery(settings: Settings) -> Iterator[CheckMessage]:
    after, lifetime = settings.CONFIRM_DELIVERY_AFTER, settings.ACCESS_TOKEN_LIFETIME
    # A lifetime shorter than a second is reported as E003.
    if after is not None and timedelta(seconds=1) <= lifetime <= after:
        yield Warning(
            f"{NAMESPACE}['CONFIRM_DELIVERY_AFTER'] is not shorter than 'ACCESS_TOKEN_LIFETIME': "
            "an access token expires before its use can confirm the delivery of the refresh "
            "token.",
            hint="Use a shorter time, or None if API calls shall not confirm the delivery.",
            id="refresh_sessions.W023",
        )


def _check_companion(settings: Settings) -> Iterator[CheckMessage]:
    if settings.COMPANION_COOKIE == "require" and "body" not in transports_in_use(settings):
        yield Warning(
            f"{NAMESPACE}['COMPANION_COOKIE'] is 'require', but 'TRANSPORT' is 'cookie', which "
            "sets no companion cookie.",
            hint="Remove the key: the refresh cookie itself is inaccessible to scripts.",
            id="refresh_sessions.W024",
        )


def _check_lifetimes(settings: Settings) -> Iterator[CheckMessage]:
    if settings.REFRESH_TOKEN_LIFETIME > settings.SESSION_LIFETIME:
        yield Warning(
            f"{NAMESPACE}['REFRESH_TOKEN_LIFETIME'] is longer than 'SESSION_LIFETIME': a token "
            "expires with its session, so there is no idle limit.",
            hint="Set it to 'SESSION_LIFETIME', or to a shorter time for an idle limit.",
            id="refresh_sessions.W004",
        )
    if settings.ACCESS_TOKEN_LIFETIME > settings.REFRESH_TOKEN_LIFETIME:
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_LIFETIME'] is longer than 'REFRESH_TOKEN_LIFETIME': a "
            "client that waits for its access token to expire can no longer refresh.",
            hint="Access tokens should last minutes, refresh tokens days.",
            id="refresh_sessions.W005",
        )
    if settings.ACCESS_TOKEN_LIFETIME > _LONG_ACCESS:
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_LIFETIME'] is longer than an hour: a stolen access token "
            "works until it expires or its session is revoked.",
            hint="Use minutes; clients refresh without a password.",
            id="refresh_sessions.W006",
        )
    if settings.LEEWAY > _LONG_LEEWAY:
        yield Warning(
            f"{NAMESPACE}['LEEWAY'] is longer than a minute; it extends the lifetime of each "
            "access token.",
            hint="Synchronize the servers' clocks with NTP; then the default of five seconds is "
            "enough.",
            id="refresh_sessions.W007",
        )


def _check_cookie(settings: Settings) -> Iterator[CheckMessage]:
    if not settings.COOKIE_SECURE:
        yield Warning(
            f"{NAMESPACE}['COOKIE_SECURE'] is False: browsers send the refresh token over "
            "unencrypted connections.",
            hint="Serve the site over HTTPS only, and set it to True.",
            id="refresh_sessions.W011",
        )
    if settings.COOKIE_SAMESITE == "None":
        yield Warning(
            f"{NAMESPACE}['COOKIE_SAMESITE'] is 'None': browsers send the refresh token with "
            "requests from other sites.",
            hint="Use 'Strict' or 'Lax'. If the front end has another site, add its origin to "
            "CSRF_TRUSTED_ORIGINS and silence this check.",
            id="refresh_sessions.W012",
        )


def _check_proxies(settings: Settings) -> Iterator[CheckMessage]:
    for network in settings.TRUSTED_PROXIES:
        if network not in NETWORK_WORDS and ip_network(network).prefixlen == 0:
            yield Warning(
                f"{NAMESPACE}['TRUSTED_PROXIES'] contains {network!r}, which is every address: "
                "any client can forge its address and avoid the login throttle.",
                hint="List the networks of your own proxies only.",
                id="refresh_sessions.W015",
            )


def _check_unnamed_proxy(settings: Settings) -> Iterator[CheckMessage]:
    used = [name for name in _PROXY_SETTINGS if getattr(django_settings, name, None)]
    rest_framework = getattr(django_settings, "REST_FRAMEWORK", None) or {}
    if rest_framework.get("NUM_PROXIES"):
        used.append("REST_FRAMEWORK['NUM_PROXIES']")
    if used and not settings.TRUSTED_PROXIES:
        yield Warning(
            f"The project is behind a proxy, according to {' and '.join(used)}, but "
            f"{NAMESPACE}['TRUSTED_PROXIES'] is empty: all clients share the proxy's address. "
            "Five failed logins of any client lock an account for all clients, and logins with "
            "lists of accounts are not limited.",
            hint="List the networks of your proxies; 'private' is loopback and all private "
            "networks, 'unix' is a Unix socket.",
            id="refresh_sessions.W022",
        )


def _check_user_id_field(settings: Settings) -> Iterator[CheckMessage]:
    model: Any = get_user_model()
    # A user model without AbstractBaseUser has no such method.
    email = getattr(model, "get_email_field_name", lambda: None)()
    if settings.USER_ID_FIELD in {model.USERNAME_FIELD, email}:
        yield Warning(
            f"{NAMESPACE}['USER_ID_FIELD'] is {settings.USER_ID_FIELD!r}. A user can change this "
            "name, and another user can get it later: old access tokens then identify the "
            "other user.",
            hint="Use 'pk', or a field with values that never move to another user.",
            id="refresh_sessions.W016",
        )


def _check_sender(settings: Settings) -> Iterator[CheckMessage]:
    mails = settings.MAIL_ON_REUSE, settings.MAIL_ON_MISUSE, settings.MAIL_ON_NEW_DEVICE
    if any(mails) and django_settings.DEFAULT_FROM_EMAIL == global_settings.DEFAULT_FROM_EMAIL:
        yield Warning(
            f"{NAMESPACE} turns on mails to users, but their sender DEFAULT_FROM_EMAIL is still "
            f"{global_settings.DEFAULT_FROM_EMAIL!r}: mail servers refuse them or mark them as "
            "spam.",
            hint="Set DEFAULT_FROM_EMAIL to an address of your project.",
            id="refresh_sessions.W017",
        )


def _check_places() -> Iterator[CheckMessage]:
    if getattr(django_settings, "GEOIP_PATH", None) and find_spec("geoip2") is None:
        yield Warning(
            "GEOIP_PATH is set, but the library geoip2 is not installed: sessions are shown "
            "without the place of their address.",
            hint="Install it with `pip install django-refresh-sessions[geoip]`.",
            id="refresh_sessions.W018",
        )
