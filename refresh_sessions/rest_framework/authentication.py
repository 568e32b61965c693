"""Authentication of API requests by access token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from refresh_sessions import lazy_users
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide_within
from refresh_sessions.rest_framework.debug_hints import add_bearer_hint
from refresh_sessions.rest_framework.exceptions import CHALLENGE, as_api_exceptions
from refresh_sessions.sessions import AccessGrant, check_access_token

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

KEYWORD: Final = "bearer"


class AccessTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <access token>``, checked as ``ACCESS_TOKEN_CHECK`` says.

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
        with add_bearer_hint(request), as_api_exceptions():
            token = bearer_token(request)
            if token is None:
                return None
            grant = check_access_token(
                token,
                in_database=self.in_database,
                request=getattr(request, "_request", request),
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


@sensitive_variables()
def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header, or None without one or with another scheme.

    Raises:
        InvalidTokenError: the scheme is Bearer, but the rest is not a single token.

    """
    parts = hide_within(request.META.get("HTTP_AUTHORIZATION", "").split())
    if not parts or parts[0].lower() != KEYWORD:
        return None
    if len(parts) != 2:  # noqa: PLR2004  (scheme and token)
        raise InvalidTokenError
    token: str = parts[1]
    return token
