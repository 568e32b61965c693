"""Companion cookie: distinguish the browser of a login from a client with a copied refresh token.

With the refresh token in the body, a login sets this HttpOnly cookie with 128 random bits. The
family stores their digest. The cookie alone grants no access.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.conf import get_settings
from refresh_sessions.redaction import hide
from refresh_sessions.request_transport import get_transport_name

NAME: Final = "refresh_companion"

_PAST: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


def is_companion_used(request: HttpRequest | None) -> bool:
    """Whether a login with this request sets the cookie.

    False where the refresh token is in a cookie: clients that share it share all cookies.
    """
    used = get_settings().COMPANION_COOKIE != "off"
    return used and get_transport_name(request) == "body"


def read_companion(request: HttpRequest | None) -> str | None:
    """The value of the cookie, or None if the request has none."""
    if request is None or not is_companion_used(request):
        return None
    return hide(request.COOKIES.get(_get_name(request)))


def set_companion(
    request: HttpRequest, response: HttpResponseBase, value: str, *, expires_at: datetime
) -> None:
    """Set the cookie until the hard deadline of the session."""
    _set(request, response, value, expires=expires_at)


def clear_companion(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the browser has sent it."""
    if _get_name(request) in request.COOKIES:
        _set(request, response, "", expires=_PAST, max_age=0)


def _get_name(request: HttpRequest) -> str:
    """The name of the cookie; over plain HTTP clients would reject the prefix."""
    return f"__Host-{NAME}" if request.is_secure() else NAME


def _set(
    request: HttpRequest,
    response: HttpResponseBase,
    value: str,
    *,
    expires: datetime | str,
    max_age: int | None = None,
) -> None:
    response.set_cookie(
        _get_name(request),
        value,
        max_age=max_age,
        expires=expires,
        # Required by the prefix (RFC 6265bis §4.1.3.2), whatever the path of the refresh cookie.
        path="/",
        secure=request.is_secure(),
        httponly=True,
        # Browsers accept "None" over HTTPS only.
        samesite=get_settings().COOKIE_SAMESITE if request.is_secure() else "Lax",
    )
