"""Checks of throttle rates, and of the caches of throttles and of ``ACCESS_TOKEN_CHECK``."""

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
                "cannot parse: each throttled request fails.",
                hint=f"Write {scope!r}: '5/min' in DEFAULT_THROTTLE_RATES in REST_FRAMEWORK: a "
                "number, a slash, and s, m, h or d as the unit of time.",
                id="refresh_sessions.E021",
            )


def check_throttles() -> Iterator[CheckMessage]:
    scopes, rates = _throttles()
    off = {scope for scope in scopes if rates.get(scope, "its default") is None}
    for scope in sorted(off):
        yield Warning(
            f"The throttle '{scope}' is turned off: guesses of passwords or tokens are not "
            "limited.",
            hint=f"Remove '{scope}' from DEFAULT_THROTTLE_RATES in REST_FRAMEWORK for its "
            "default, or give it a rate.",
            id="refresh_sessions.W008",
        )
    if off == scopes:
        return
    if is_cache(DEFAULT_CACHE_ALIAS, LocMemCache):
        yield Warning(
            "Throttles use the cache 'default', which is local to each process: several processes "
            "multiply the limits, and a restart resets them.",
            hint="Use a cache that all processes share, such as Redis or Memcached.",
            id="refresh_sessions.W009",
        )
    elif is_cache(DEFAULT_CACHE_ALIAS, DummyCache):
        yield Warning(
            "Throttles use the cache 'default', which stores nothing: no limit is ever reached.",
            hint="Use a cache that all processes share, such as Redis or Memcached.",
            id="refresh_sessions.W010",
        )


def check_access_token_check(settings: Settings) -> Iterator[CheckMessage]:
    check = settings.ACCESS_TOKEN_CHECK
    if check == "cache" and is_cache(settings.CACHE_ALIAS, LocMemCache):
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_CHECK'] is 'cache', but the cache "
            f"{settings.CACHE_ALIAS!r} is local to each process: other processes notice a "
            "revocation only after 'CACHE_TIMEOUT'.",
            hint="Use a cache that all processes share, or the check 'session'.",
            id="refresh_sessions.W013",
        )
    if check == "stateless":
        yield Warning(
            f"{NAMESPACE}['ACCESS_TOKEN_CHECK'] is 'stateless': a revoked session's access "
            "token works until it expires.",
            hint="Use the check 'session' or 'cache'. To save the query, keep "
            "'ACCESS_TOKEN_LIFETIME' short and silence this check.",
            id="refresh_sessions.W014",
        )


def _throttles() -> tuple[set[str], Mapping[str, Any]]:
    """The scopes of this package and ``DEFAULT_THROTTLE_RATES``."""
    # Imported late: REST framework reads settings that can import from the project's apps.
    throttling: Any = import_module("refresh_sessions.rest_framework.throttling")
    rates = import_string("rest_framework.settings.api_settings").DEFAULT_THROTTLE_RATES
    return {throttle.scope for throttle in throttling.SessionThrottle.__subclasses__()}, rates


def _is_rate(rate: Any) -> bool:
    throttle = import_string("rest_framework.throttling.SimpleRateThrottle")
    try:
        # Without an instance: the constructor reads the rate of its scope.
        throttle.parse_rate(None, rate)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
    return True


def is_cache(alias: str, kind: type) -> bool:
    """Whether the cache of this alias has a backend of this kind."""
    # The class, not an instance: the constructor of a cache may connect to its server.
    try:
        backend = import_string(django_settings.CACHES[alias]["BACKEND"])
    except (ImportError, KeyError):
        return False
    return issubclass(backend, kind)
