"""What is counted or remembered in a cache: how often, and whether that cache is one for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from django.conf import settings as django_settings
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's name)
from django.utils.module_loading import import_string

from refresh_sessions.conf import NAMESPACE, Settings


def check_rates() -> Iterator[CheckMessage]:
    scopes, rates = _throttles()
    for scope in sorted(scopes & rates.keys()):
        if not _is_rate(rates[scope]):
            yield Error(
                f"The rate of the throttle '{scope}' is {rates[scope]!r}, which REST framework "
                "cannot read: each such request fails.",
                hint=f"Write {scope!r}: '5/min' in DEFAULT_THROTTLE_RATES in REST_FRAMEWORK: a "
                "number, a slash, and s, m, h or d for the unit of time.",
                id="refresh_sessions.E021",
            )


def check_throttles() -> Iterator[CheckMessage]:
    scopes, rates = _throttles()
    off = {scope for scope in scopes if rates.get(scope, "its default") is None}
    for scope in sorted(off):
        yield Warning(
            f"The throttle '{scope}' is turned off: nothing slows down who tries passwords or "
            "tokens.",
            hint=f"Remove '{scope}' from DEFAULT_THROTTLE_RATES in REST_FRAMEWORK to have its "
            "default, or give it a rate.",
            id="refresh_sessions.W008",
        )
    if off == scopes:
        return
    if _is_cache(DEFAULT_CACHE_ALIAS, LocMemCache):
        yield Warning(
            "Throttles count in the cache 'default', which each process has for itself: with "
            "several processes the limits multiply, and a restart resets them.",
            hint="Use a cache that all processes share, such as Redis or Memcached.",
            id="refresh_sessions.W009",
        )
    elif _is_cache(DEFAULT_CACHE_ALIAS, DummyCache):
        yield Warning(
            "Throttles count in the cache 'default', which keeps nothing: no limit is ever "
            "reached.",
            hint="Use a cache that all processes share, such as Redis or Memcached.",
            id="refresh_sessions.W010",
        )


def check_access_token_check(settings: Settings) -> Iterator[CheckMessage]:
    check = settings.ACCESS_TOKEN_CHECK
    if check == "cache" and _is_cache(settings.CACHE_ALIAS, LocMemCache):
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_CHECK'] is 'cache', and each process has the cache "
            f"{settings.CACHE_ALIAS!r} for itself: the others do not learn of a revocation "
            "until 'CACHE_TIMEOUT' has passed.",
            hint="Use a cache that all processes share, or the check 'session'.",
            id="refresh_sessions.W013",
        )
    if check == "stateless":
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_CHECK'] is 'stateless': a revoked session's access "
            "token works until it expires.",
            hint="Use the check 'session', or 'cache'; if you prefer to save the query, keep "
            "'ACCESS_TOKEN_LIFETIME' short and silence this check.",
            id="refresh_sessions.W014",
        )


def _throttles() -> tuple[set[str], Mapping[str, Any]]:
    """The scopes of this package, and the project's rates."""
    # Late, as REST framework's views read settings which may import from the project's apps.
    throttling: Any = import_module("refresh_sessions.rest_framework.throttling")
    rates = import_string("rest_framework.settings.api_settings").DEFAULT_THROTTLE_RATES
    return {throttle.scope for throttle in throttling.SessionThrottle.__subclasses__()}, rates


def _is_rate(rate: Any) -> bool:
    throttle = import_string("rest_framework.throttling.SimpleRateThrottle")
    try:
        # Of a throttle that has not been made: making one reads the rate of its scope.
        throttle.parse_rate(None, rate)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
    return True


def _is_cache(alias: str, kind: type) -> bool:
    # By its class: a cache that is built may already look for its server.
    try:
        backend = import_string(django_settings.CACHES[alias]["BACKEND"])
    except (ImportError, KeyError):
        return False
    return issubclass(backend, kind)
