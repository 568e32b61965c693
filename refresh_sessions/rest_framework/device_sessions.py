"""Device-bound sessions: what the endpoints tell the browser (W3C draft, §9)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, ResolverMatch, reverse

from refresh_sessions.binding.bound_cookie import get_attributes, get_name
from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings

REGISTER: Final = "device-register"
REFRESH: Final = "device-refresh"

_APP_NAMES: Final = ("refresh_sessions", "refresh_sessions_cookie")

_SCOPE: Final = ("login", "refresh", "refresh-token", "logout", "reauthenticate")
"""The endpoints with the refresh cookie; ``login/`` contains the path of the second step."""

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


def find_endpoint(request: HttpRequest, name: str) -> str | None:
    """The path of an endpoint in the namespace of the request, with its variables.

    None if it cannot be found, as for a login view of the project in a project without the
    endpoints. A warning is logged.
    """
    match = request.resolver_match
    kwargs = match.kwargs if match else {}
    for namespace in _get_namespaces(match):
        with suppress(NoReverseMatch):
            return reverse(f"{namespace}:{name}", kwargs=kwargs)
    burst_logger.warning(
        "The endpoint %r was not found in the namespace of %s: the session is not bound to a "
        "device key. Include refresh_sessions.urls.",
        *(name, request.path),
    )
    return None


def build_instructions(request: HttpRequest, family_id: UUID) -> Mapping[str, Any]:
    """The session instructions: before which requests the browser renews the bound cookie.

    The scope contains nothing else than the paths with the refresh cookie, so that no other
    request waits for a renewal. The browser reads the rules from the last to the first.
    """
    paths = [path for name in _SCOPE if (path := find_endpoint(request, name))]
    included = [*paths, *get_settings().BOUND_COOKIE_PATHS]
    return {
        "session_identifier": str(family_id),
        "refresh_url": find_endpoint(request, REFRESH),
        "scope": {
            "include_site": False,
            "scope_specification": [
                {"type": "exclude", "domain": "*", "path": "/"},
                *({"type": "include", "domain": "*", "path": path} for path in included),
            ],
        },
        "credentials": [
            {"type": "cookie", "name": get_name(request), "attributes": get_attributes(request)}
        ],
        "allowed_refresh_initiators": list(_get_trusted_hosts()),
    }


def _get_namespaces(match: ResolverMatch | None) -> Iterator[str]:
    if match is not None and set(match.app_names) & set(_APP_NAMES):
        yield match.namespace
    yield from _APP_NAMES


def _get_trusted_hosts() -> Iterator[str]:
    """The hosts of other origins whose pages may use the endpoints, without their ports."""
    for origin in django_settings.CSRF_TRUSTED_ORIGINS:
        _, _, host = origin.partition("://")
        yield host.partition(":")[0]
