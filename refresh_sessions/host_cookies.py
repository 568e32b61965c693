"""Host cookies: HttpOnly cookies of this host alone, with the prefix ``__Host-`` over HTTPS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.conf import get_settings

_PAST: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


def get_cookie_name(request: HttpRequest, name: str) -> str:
    """The name with its prefix; over plain HTTP clients would reject the prefix."""
    return f"__Host-{name}" if request.is_secure() else name


def get_samesite(request: HttpRequest) -> Literal["Strict", "Lax", "None"]:
    """The attribute SameSite; browsers accept "None" over HTTPS only."""
    return get_settings().COOKIE_SAMESITE if request.is_secure() else "Lax"


def set_host_cookie(
    request: HttpRequest,
    response: HttpResponseBase,
    name: str,
    value: str,
    *,
    expires: datetime | str | None = None,
    max_age: timedelta | int | None = None,
) -> None:
    """Set a cookie.

    Args:
        request: the request that the response answers.
        response: the response.
        name: the name without its prefix.
        value: the value.
        expires: when the cookie expires, or None.
        max_age: how long the cookie lives, as a timedelta or in seconds, or None.

    """
    response.set_cookie(
        get_cookie_name(request, name),
        value,
        max_age=max_age,
        expires=expires,
        # Required by the prefix (RFC 6265bis §4.1.3.2), whatever the path of the refresh cookie.
        path="/",
        secure=request.is_secure(),
        httponly=True,
        samesite=get_samesite(request),
    )


def clear_host_cookie(request: HttpRequest, response: HttpResponseBase, name: str) -> None:
    """Delete a cookie if the browser has sent it."""
    if get_cookie_name(request, name) in request.COOKIES:
        set_host_cookie(request, response, name, "", expires=_PAST, max_age=0)
