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
from refresh_sessions.host_cookies import (
    clear_host_cookie,
    get_cookie_name,
    set_host_cookie,
)
from refresh_sessions.redaction import hide
from refresh_sessions.request_transport import get_transport_name

NAME: Final = "refresh_companion"


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
    return hide(request.COOKIES.get(get_cookie_name(request, NAME)))


def set_companion(
    request: HttpRequest, response: HttpResponseBase, value: str, *, expires_at: datetime
) -> None:
    """Set the cookie until the hard deadline of the session."""
    set_host_cookie(request, response, NAME, value, expires=expires_at)


def clear_companion(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the browser has sent it."""
    clear_host_cookie(request, response, NAME)
