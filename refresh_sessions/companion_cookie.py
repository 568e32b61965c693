"""The companion cookie: what a browser has and a copied refresh token lacks.

With ``TRANSPORT = "body"`` a login sets it, HttpOnly, with 128 random bits; the family keeps their
digest. It is no credential: alone it opens nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.conf import get_settings
from refresh_sessions.redaction import hide

NAME: Final = "refresh_companion"

_PAST: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


def is_companion_used() -> bool:
    """Whether the settings have logins set the cookie.

    Not where a cookie carries the refresh token: tabs that share one cookie jar share that too.
    """
    settings = get_settings()
    return settings.TRANSPORT == "body" and settings.COMPANION_COOKIE != "off"


def read_companion(request: HttpRequest | None) -> str | None:
    """The value of the cookie, or None where there is none."""
    if request is None or not is_companion_used():
        return None
    return hide(request.COOKIES.get(_name_for(request)))


def set_companion(
    request: HttpRequest, response: HttpResponseBase, value: str, *, expires_at: datetime
) -> None:
    """Set the cookie for as long as the session may last."""
    _set(request, response, value, expires=expires_at)


def clear_companion(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie, where the browser has sent it."""
    if _name_for(request) in request.COOKIES:
        _set(request, response, "", expires=_PAST, max_age=0)


def _name_for(request: HttpRequest) -> str:
    """Without the prefix over plain HTTP, where clients refuse it."""
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
        _name_for(request),
        value,
        max_age=max_age,
        expires=expires,
        # As the prefix demands (RFC 6265bis §4.1.3.2), whatever the refresh cookie has.
        path="/",
        secure=request.is_secure(),
        httponly=True,
        # Browsers take "None" over HTTPS alone.
        samesite=get_settings().COOKIE_SAMESITE if request.is_secure() else "Lax",
    )
