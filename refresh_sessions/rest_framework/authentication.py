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

    Sets ``request.user``, and ``request.auth`` to an ``AccessGrant``. With the default check
    that takes one query, and a session that was revoked is refused with the next request.

    With the checks "cache" and "stateless" the user is loaded when it is first used, and before an
    asynchronous view begins. A deleted or deactivated account is answered with 401 then.
    ``await request.auser()`` gives the same user.
    """

    accepts_access_tokens: Final = True
    """Marks the class for the exception handler."""

    in_database = False
    """Ask the database whatever ``ACCESS_TOKEN_CHECK`` says."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, AccessGrant] | None:
        """Return user and grant, or None where there is no bearer token.

        Raises:
            SessionAPIException: 401 for a token that is not accepted, 503 when the database is
                busy.

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
        """The challenge of a 401 without a token."""
        return CHALLENGE


class DatabaseAccessTokenAuthentication(AccessTokenAuthentication):
    """For views that manage sessions: they always see the session's present state."""

    in_database = True


def _prepare_user(grant: AccessGrant, request: Request) -> None:
    """Make the user safe to use in the view, synchronous or not."""
    lazy_users.translate_load_errors(grant.user, as_api_exceptions)
    if _is_async(request):
        lazy_users.load_user(grant.user)
    # What AuthenticationMiddleware put there knows only Django's own sessions.
    getattr(request, "_request", request).auser = grant.auser


def _is_async(request: Request) -> bool:
    view = (getattr(request, "parser_context", None) or {}).get("view")
    try:
        return bool(getattr(view, "view_is_async", False))
    except ImproperlyConfigured:
        # Django's answer where some handlers of the view are asynchronous and some are not.
        return True


@sensitive_variables()
def bearer_token(request: Request) -> str | None:
    """The token of the Authorization header, or None where it is absent or of another scheme.

    Raises:
        InvalidTokenError: the scheme is Bearer, but what follows is not one token.

    """
    parts = hide_within(request.META.get("HTTP_AUTHORIZATION", "").split())
    if not parts or parts[0].lower() != KEYWORD:
        return None
    if len(parts) != 2:  # noqa: PLR2004  (scheme and token)
        raise InvalidTokenError
    token: str = parts[1]
    return token
