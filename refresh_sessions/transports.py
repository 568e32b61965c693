"""How the refresh token travels: in the JSON body, or in a cookie that scripts cannot read.

Beside the body travels the companion cookie, which tells parallel requests of one browser from
somebody with a copied token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from refresh_sessions.companion_cookie import clear_companion, set_companion
from refresh_sessions.conf import get_settings
from refresh_sessions.sessions import TokenPair


class Transport(Protocol):
    """What the views ask of a way to carry the refresh token."""

    in_body: bool
    """Whether answers show the token in their body."""

    def is_cross_site(self, request: HttpRequest) -> bool:
        """Whether another site may have made the browser send this request."""

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """What stands where the token should, or None."""

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Give the client its new token; leave it alone where there is none."""

    def clear(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Have the client drop what a sign-out makes useless."""


class BodyTransport:
    """``refresh`` in request and answer; for apps that keep the token in a safe place."""

    in_body = True

    def is_cross_site(self, request: HttpRequest) -> bool:
        """Never: no browser adds the token by itself."""
        return False

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """The field ``refresh``, by its name in ``FIELD_NAMES``."""
        return data.get(get_settings().field_name("refresh"))

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Set the companion cookie after a login; the token is in the body."""
        if pair.companion is not None:
            expires_at = pair.session.expires_at
            set_companion(request, response, pair.companion, expires_at=expires_at)

    def clear(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Delete the companion cookie; the client has to drop the token itself."""
        clear_companion(request, response)


class CookieTransport:
    """An HttpOnly cookie (ASVS 3.3), and a check that our own site sent the request."""

    in_body = False

    def is_cross_site(self, request: HttpRequest) -> bool:
        """By Sec-Fetch-Site, or Origin where the browser sends only that (ASVS 3.5.1).

        A client that sends neither is no browser; a browser's cross-site requests always
        carry one of them.
        """
        if request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}:
            origin = request.headers.get("Origin")
            return origin is not None and not _is_own(origin, request)
        return not _is_own(request.headers.get("Origin", ""), request)

    def read(self, request: HttpRequest, data: Mapping[str, Any]) -> Any:
        """The cookie; a token in the body is not looked at."""
        return request.COOKIES.get(get_settings().COOKIE_NAME)

    def write(self, request: HttpRequest, response: HttpResponseBase, pair: TokenPair) -> None:
        """Set the cookie, unless the client is to keep the one it has."""
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
        """Delete the cookie, with the attributes that browsers compare (``__Host-``)."""
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
    """The transport of a request, as the setting ``TRANSPORT`` names it.

    None stands for no request, such as when the OpenAPI schema is generated.
    """
    return _TRANSPORTS[get_settings().TRANSPORT]


def _is_own(origin: str, request: HttpRequest) -> bool:
    """The origin of this very host, or one of ``CSRF_TRUSTED_ORIGINS`` (wildcards included)."""
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
