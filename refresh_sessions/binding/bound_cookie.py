"""Bound cookie: the HttpOnly cookie with which a browser shows its device key for some minutes."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.host_cookies import (
    clear_host_cookie,
    get_cookie_name,
    get_samesite,
    set_host_cookie,
)
from refresh_sessions.redaction import hide
from refresh_sessions.tokens import bound_cookies
from refresh_sessions.tokens.bound_cookies import BoundCookieClaims

NAME: Final = "device_bound"


def get_name(request: HttpRequest) -> str:
    """The name of the cookie; over plain HTTP browsers would reject the prefix."""
    return get_cookie_name(request, NAME)


def get_attributes(request: HttpRequest) -> str:
    """The attributes of the cookie, for the session instructions.

    A browser compares them with those of its cookie.
    """
    secure = " Secure;" if request.is_secure() else ""
    return f"Path=/;{secure} HttpOnly; SameSite={get_samesite(request)}"


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
    lifetime = get_settings().BOUND_COOKIE_LIFETIME
    set_host_cookie(request, response, NAME, value, max_age=lifetime)


def clear_bound_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the browser has sent it."""
    clear_host_cookie(request, response, NAME)
