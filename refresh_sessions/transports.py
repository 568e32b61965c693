"""Transports of the refresh token: the JSON body, or an HttpOnly cookie.

The body transport also sets the companion cookie. It distinguishes parallel requests of one
browser from an attacker with a copied token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.binding.bound_cookie import clear_bound_cookie
from refresh_sessions.companion_cookie import clear_companion, set_companion
from refresh_sessions.conf import get_settings
from refresh_sessions.request_transport import get_transport_name, set_transport
from refresh_sessions.sessions import TokenPair

__all__ = ["BodyTransport", "CookieTransport", "Transport", "get_transport", "set_transport"]


class Transport(Protocol):
    """The interface of a transport for the views."""

    in_body: bool
    """Whether responses contain the refresh token in their body."""

    def is_cross_site(self, request: HttpRequest) -> bool:
        """Whether another site may have caused the browser to send this request."""

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """The unvalidated refresh token of the request, or None."""

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Set the cookies for a token pair; none if the pair has no new refresh token."""

    def clear(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Delete the cookies of the transport after a logout."""


class BodyTransport:
    """The field ``refresh`` in requests and responses; for clients with safe token storage."""

    in_body = True

    def is_cross_site(self, request: HttpRequest) -> bool:
        """Always False: browsers do not add the token to cross-site requests."""
        return False

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """The value of the field ``refresh``, as renamed with ``FIELD_NAMES``."""
        return data.get(get_settings().field_name("refresh"))

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Set the companion cookie after a login; the body contains the refresh token."""
        if pair.companion is not None:
            expires_at = pair.session.expires_at
            set_companion(request, response, pair.companion, expires_at=expires_at)

    def clear(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Delete the companion cookie; the client deletes its refresh token itself."""
        clear_companion(request, response)


class CookieTransport:
    """An HttpOnly cookie (ASVS 3.3) with a check against cross-site requests."""

    in_body = False

    def is_cross_site(self, request: HttpRequest) -> bool:
        """Check Sec-Fetch-Site, or Origin if the browser sends only that header (ASVS 3.5.1).

        A cross-site request of a browser always has one of them; a client that sends neither is
        not a browser.
        """
        if request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}:
            origin = request.headers.get("Origin")
            return origin is not None and not _is_own(origin, request)
        return not _is_own(request.headers.get("Origin", ""), request)

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """The value of the cookie; a token in the body is ignored."""
        return request.COOKIES.get(get_settings().COOKIE_NAME)

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Set the cookie if the pair has a new refresh token."""
        settings = get_settings()
        if pair.refresh is None:
            return
        response.set_cookie(
            settings.COOKIE_NAME,
            pair.refresh,
            expires=pair.refresh_expires_at,
            path=settings.COOKIE_PATH,
            domain=settings.COOKIE_DOMAIN,
            secure=settings.COOKIE_SECURE,
            httponly=True,
            samesite=settings.COOKIE_SAMESITE,
        )

    def clear(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Delete the refresh cookie and the bound cookie.

        Browsers require the attributes of a cookie with the prefix ``__Host-``.
        """
        clear_bound_cookie(request, response)
        settings = get_settings()
        response.set_cookie(
            settings.COOKIE_NAME,
            "",
            max_age=0,
            expires="Thu, 01 Jan 1970 00:00:00 GMT",
            path=settings.COOKIE_PATH,
            domain=settings.COOKIE_DOMAIN,
            secure=settings.COOKIE_SECURE,
            httponly=True,
            samesite=settings.COOKIE_SAMESITE,
        )


_TRANSPORTS: Mapping[str, Transport] = {"body": BodyTransport(), "cookie": CookieTransport()}


def get_transport(request: HttpRequest | None) -> Transport:
    """The transport of a request: chosen with ``set_transport``, or by ``TRANSPORT``.

    Args:
        request: the current request; None for the transport of the settings.

    """
    return _TRANSPORTS[get_transport_name(request)]


def read_refresh_cookie(request: HttpRequest) -> Any:
    """The refresh cookie of a browser, whatever the transport of the request; or None."""
    return _TRANSPORTS["cookie"].read(request, {})


def clear_cookies(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookies of this package that the browser has sent."""
    _TRANSPORTS["body"].clear(request, response)
    if read_refresh_cookie(request) is not None:
        _TRANSPORTS["cookie"].clear(request, response)


def _is_own(origin: str, request: HttpRequest) -> bool:
    """Whether the origin is this host or matches ``CSRF_TRUSTED_ORIGINS``, with wildcards."""
    if origin == f"{request.scheme}://{request.get_host()}":
        return True
    parts = urlsplit(origin)
    for trusted in django_settings.CSRF_TRUSTED_ORIGINS:
        scheme, _, host = trusted.partition("://")
        if parts.scheme != scheme:
            continue
        if parts.netloc == host or (host.startswith("*") and parts.netloc.endswith(host[1:])):
            return True
    return False
