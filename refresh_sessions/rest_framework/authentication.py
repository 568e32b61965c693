"""Authentication of API requests by access token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from refresh_sessions import lazy_users
from refresh_sessions.binding.dpop import get_nonce_for_response
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide_within
from refresh_sessions.rest_framework.debug_hints import add_bearer_hint
from refresh_sessions.rest_framework.exceptions import CHALLENGE, as_api_exceptions
from refresh_sessions.sessions import AccessGrant, check_access_token

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["AccessTokenAuthentication", "DatabaseAccessTokenAuthentication"]

_SCHEMES: Final = {"bearer": False, "dpop": True}
"""The schemes of access tokens, and whether they come with a proof (RFC 6750, RFC 9449)."""


class AccessTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <access token>``, checked as ``ACCESS_TOKEN_CHECK`` says.

    A token that is bound to a key has the scheme ``DPoP`` instead, with the proof in the header
    ``DPoP`` (RFC 9449 §7.1).

    Sets ``request.user``, and ``request.auth`` to an ``AccessGrant``. The default check takes one
    query and refuses a revoked session with the next request.

    With the checks "cache" and "stateless" the user is loaded at its first use, and before an
    asynchronous view begins. A deleted or deactivated account is answered with 401 at that time.
    ``await request.auser()`` returns the same user.
    """

    accepts_access_tokens: Final = True
    """Marks the class for the exception handler."""

    in_database = False
    """Check each token against the database, regardless of ``ACCESS_TOKEN_CHECK``."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, AccessGrant] | None:
        """Return user and grant, or None without a bearer token.

        Raises:
            SessionAPIException: 401 for a refused token, 503 for a busy database.

        """
        with _send_nonce(request), add_bearer_hint(request), as_api_exceptions():
            presented = read_access_token(request)
            if presented is None:
                return None
            token, with_key = presented
            grant = check_access_token(
                token,
                in_database=self.in_database,
                request=getattr(request, "_request", request),
                with_key=with_key,
            )
            _prepare_user(grant, request)
        return grant.user, grant

    def authenticate_header(self, request: Request) -> str:
        """The ``WWW-Authenticate`` header of a 401."""
        return CHALLENGE


class DatabaseAccessTokenAuthentication(AccessTokenAuthentication):
    """For views that manage sessions: checks each token against the database."""

    in_database = True


def _prepare_user(grant: AccessGrant, request: Request) -> None:
    """Make the lazy user usable in synchronous and asynchronous views."""
    lazy_users.translate_load_errors(grant.user, as_api_exceptions)
    if _is_async(request):
        lazy_users.load_user(grant.user)
    # Replace the function of AuthenticationMiddleware, which reads Django's own session.
    getattr(request, "_request", request).auser = grant.auser


def _is_async(request: Request) -> bool:
    view = (getattr(request, "parser_context", None) or {}).get("view")
    try:
        return bool(getattr(view, "view_is_async", False))
    except ImproperlyConfigured:
        # Django raises this for a view that mixes synchronous and asynchronous handlers.
        return True


@contextmanager
def _send_nonce(request: Request) -> Iterator[None]:
    """Add the nonce for the client's next proof to the response of the view, if there is one."""
    try:
        yield
    finally:
        nonce = get_nonce_for_response(getattr(request, "_request", request))
        view = (getattr(request, "parser_context", None) or {}).get("view")
        if nonce and view is not None and hasattr(view, "headers"):
            view.headers["DPoP-Nonce"] = nonce


@sensitive_variables()
def read_access_token(request: Request) -> tuple[str, bool] | None:
    """The token of the Authorization header, or None without one or with another scheme.

    Returns:
        The token, and whether the scheme is ``DPoP`` and not ``Bearer``.

    Raises:
        InvalidTokenError: the rest of the header is not a single token.

    """
    parts = hide_within(request.META.get("HTTP_AUTHORIZATION", "").split())
    with_key = _SCHEMES.get(parts[0].lower()) if parts else None
    if with_key is None:
        return None
    if len(parts) != 2:  # noqa: PLR2004  (scheme and token)
        raise InvalidTokenError
    return parts[1], with_key
