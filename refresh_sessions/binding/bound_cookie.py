"""Bound cookie: the HttpOnly cookie with which a browser shows its device key for some minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.tokens import bound_cookies
from refresh_sessions.tokens.bound_cookies import BoundCookieClaims

NAME: Final = "device_bound"

_PAST: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


def get_name(request: HttpRequest) -> str:
    """The name of the cookie; over plain HTTP browsers would reject the prefix."""
    return f"__Host-{NAME}" if request.is_secure() else NAME


def get_attributes(request: HttpRequest) -> str:
    """The attributes of the cookie, for the session instructions.

    A browser compares them with those of its cookie.
    """
    secure = " Secure;" if request.is_secure() else ""
    return f"Path=/;{secure} HttpOnly; SameSite={_get_samesite(request)}"


def read_bound_cookie(request: HttpRequest | None) -> BoundCookieClaims | None:
    """The claims of the cookie; None without a cookie that is valid and has not expired."""
    value = None if request is None else hide(request.COOKIES.get(get_name(request)))
    if not value:
        return None
    try:
        return bound_cookies.verify(value)
    except InvalidTokenError:
        return None


def set_bound_cookie(
    request: HttpRequest, response: HttpResponseBase, *, family_id: UUID, key_thumbprint: str
) -> None:
    """Set the cookie for a family and its key."""
    value = bound_cookies.issue(family_id=family_id, key_thumbprint=key_thumbprint)
    _set(request, response, value, max_age=get_settings().BOUND_COOKIE_LIFETIME)


def clear_bound_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the browser has sent it."""
    if get_name(request) in request.COOKIES:
        _set(request, response, "", max_age=0, expires=_PAST)


def _get_samesite(request: HttpRequest) -> Literal["Strict", "Lax", "None"]:
    # Browsers accept "None" over HTTPS only.
    return get_settings().COOKIE_SAMESITE if request.is_secure() else "Lax"


def _set(
    request: HttpRequest,
    response: HttpResponseBase,
    value: str,
    *,
    max_age: timedelta | int,
    expires: str | None = None,
) -> None:
    response.set_cookie(
        get_name(request),
        value,
        max_age=max_age,
        expires=expires,
        # Required by the prefix (RFC 6265bis §4.1.3.2).
        path="/",
        secure=request.is_secure(),
        httponly=True,
        samesite=_get_samesite(request),
    )
