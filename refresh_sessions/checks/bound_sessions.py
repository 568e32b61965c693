"""Checks of bound sessions (RFC 9449): the library, proxies, caches and unused settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's name)
from django.utils.module_loading import import_string

from refresh_sessions.binding.dpop import is_dpop_enabled
from refresh_sessions.checks.throttles import is_cache
from refresh_sessions.conf import NAMESPACE, Settings
from refresh_sessions.tokens.client_keys import has_cryptography

_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_library(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings that require proofs which no installed library can verify."""
    required = ["'DPOP' is 'require'"] if settings.DPOP == "require" else []
    if settings.DPOP_ACCESS_TOKENS and settings.DPOP != "off":
        required.append("'DPOP_ACCESS_TOKENS' is True")
    if required and not has_cryptography():
        yield Error(
            f"In {NAMESPACE} {' and '.join(required)}, but the library cryptography is not "
            "installed: no DPoP proof can be verified, and no session is bound.",
            hint="Install it with `pip install django-refresh-sessions[crypto]`.",
            id="refresh_sessions.E027",
        )


def check_bound_sessions(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings of bound sessions that work, but are a risk or have no effect."""
    yield from _check_proxy(settings)
    yield from _check_unused(settings)
    yield from _check_policy(settings)
    yield from _check_cache(settings)
    yield from _check_origin(settings)


def _check_proxy(settings: Settings) -> Iterator[CheckMessage]:
    told = django_settings.SECURE_PROXY_SSL_HEADER or settings.PUBLIC_ORIGIN
    if settings.TRUSTED_PROXIES and not told and is_dpop_enabled():
        yield Warning(
            f"{NAMESPACE}['TRUSTED_PROXIES'] names proxies, but neither SECURE_PROXY_SSL_HEADER "
            "nor 'PUBLIC_ORIGIN' is set. If a proxy ends TLS, the server sees the scheme http, "
            "and refuses each DPoP proof, which contains an https URL.",
            hint=f"Set {NAMESPACE}['PUBLIC_ORIGIN'], such as 'https://api.example.com', or "
            "SECURE_PROXY_SSL_HEADER. If your server sets the scheme itself, silence this check.",
            id="refresh_sessions.W026",
        )


def _check_unused(settings: Settings) -> Iterator[CheckMessage]:
    names = [name for name in ("DPOP_ACCESS_TOKENS", "DPOP_NONCE") if getattr(settings, name)]
    if names and settings.DPOP == "off":
        keys = " and ".join(repr(name) for name in names)
        yield Warning(
            f"In {NAMESPACE} {keys} has no effect on new sessions, because 'DPOP' is 'off'.",
            hint="Set 'DPOP' to 'accept' or 'require', or remove the key.",
            id="refresh_sessions.W027",
        )


def _check_policy(settings: Settings) -> Iterator[CheckMessage]:
    base = import_string("refresh_sessions.policies.SessionPolicy")
    try:
        policy: Any = import_string(settings.POLICY)
    except ImportError:
        return  # Reported as E005.
    is_policy = isinstance(policy, type) and issubclass(policy, base)
    if not is_policy:
        return  # Reported as E006.
    can_bind = is_dpop_enabled() or settings.DEVICE_BOUND_SESSIONS
    if policy.require_binding is not base.require_binding and not can_bind:
        yield Warning(
            f"{NAMESPACE}['POLICY'] overrides require_binding(), but no session can be bound: "
            "'DPOP' is 'off', or the library cryptography is not installed. Each login that the "
            "policy requires a key for is refused.",
            hint="Set 'DPOP' to 'accept', and install django-refresh-sessions[crypto].",
            id="refresh_sessions.W028",
        )


def _check_cache(settings: Settings) -> Iterator[CheckMessage]:
    relied_on = settings.DPOP == "require" or settings.DPOP_ACCESS_TOKENS
    if not relied_on or not is_dpop_enabled():
        return
    alias = settings.CACHE_ALIAS
    if is_cache(alias, LocMemCache):
        effect = "is local to each process: another process accepts a used DPoP proof again"
    elif is_cache(alias, DummyCache):
        effect = "stores nothing: used DPoP proofs are accepted again"
    else:
        return
    yield Warning(
        f"The cache {alias!r} {effect} within a minute.",
        hint="Use a cache that all processes share, such as Redis or Memcached.",
        id="refresh_sessions.W029",
    )


def _check_origin(settings: Settings) -> Iterator[CheckMessage]:
    origin = urlsplit(settings.PUBLIC_ORIGIN)
    if origin.scheme == "http" and origin.hostname not in _LOCAL_HOSTS:
        yield Warning(
            f"{NAMESPACE}['PUBLIC_ORIGIN'] has the scheme http: tokens and proofs are sent over "
            "unencrypted connections.",
            hint="Serve the API over HTTPS only, and write https.",
            id="refresh_sessions.W030",
        )
