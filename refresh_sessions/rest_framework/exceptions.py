"""API exceptions and their HTTP responses: always ``{"detail": ..., "code": ...}``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, Final

from django.db import Error
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotAuthenticated,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions import exceptions
from refresh_sessions.conf import get_settings
from refresh_sessions.database import is_transient
from refresh_sessions.rest_framework.debug_hints import add_hint
from refresh_sessions.rest_framework.refusal_log import log_refusal
from refresh_sessions.tokens.client_keys import CLIENT_ALGORITHMS

__all__ = ["SessionAPIException", "exception_handler"]

CHALLENGE: Final = 'Bearer realm="api"'
"""``WWW-Authenticate`` of every 401 (RFC 6750 §3)."""

_INVALID_TOKEN: Final = f'{CHALLENGE}, error="invalid_token"'

_DPOP_CHALLENGE: Final = f'DPoP error="{{}}", algs="{" ".join(CLIENT_ALGORITHMS)}"'
"""RFC 9449 §7.1."""

_STATUS_AND_CHALLENGE: Final[
    tuple[tuple[type[exceptions.RefreshSessionsError], int, str | None], ...]
] = (
    (
        exceptions.ExpiredTokenError,
        status.HTTP_401_UNAUTHORIZED,
        f'{_INVALID_TOKEN}, error_description="The access token expired"',
    ),
    (exceptions.InvalidTokenError, status.HTTP_401_UNAUTHORIZED, _INVALID_TOKEN),
    (exceptions.SessionRevokedError, status.HTTP_401_UNAUTHORIZED, _INVALID_TOKEN),
    (exceptions.DeviceProofRequiredError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (
        exceptions.InvalidDPoPProofError,
        status.HTTP_401_UNAUTHORIZED,
        _DPOP_CHALLENGE.format(exceptions.InvalidDPoPProofError.code),
    ),
    (
        exceptions.DPoPNonceRequiredError,
        status.HTTP_401_UNAUTHORIZED,
        _DPOP_CHALLENGE.format(exceptions.DPoPNonceRequiredError.code),
    ),
    # 403: after any other status of this kind, browsers forget the key of the session.
    (exceptions.InvalidDeviceProofError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.DeviceChallengeRequiredError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.BindingRequiredError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.NoActiveAccountError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (
        exceptions.ReauthenticationRequiredError,
        status.HTTP_401_UNAUTHORIZED,
        f'{CHALLENGE}, error="insufficient_user_authentication"',
    ),
    (exceptions.SecondFactorRequiredError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (exceptions.SecondFactorFailedError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (exceptions.InvalidTicketError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (exceptions.ReauthenticationFailedError, status.HTTP_401_UNAUTHORIZED, CHALLENGE),
    (exceptions.ReauthenticationUnavailableError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.ProofIncompleteError, status.HTTP_400_BAD_REQUEST, None),
    (exceptions.SessionLimitReachedError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.FamilyLimitReachedError, status.HTTP_403_FORBIDDEN, None),
    (exceptions.RefreshSupersededError, status.HTTP_409_CONFLICT, None),
    (exceptions.TooManyAttemptsError, status.HTTP_429_TOO_MANY_REQUESTS, None),
    (exceptions.DatabaseBusyError, status.HTTP_503_SERVICE_UNAVAILABLE, None),
    (exceptions.ThrottleUnavailableError, status.HTTP_503_SERVICE_UNAVAILABLE, None),
)


class SessionAPIException(exceptions.Portable, APIException):
    """An error of this package as an exception of REST framework.

    Not an ``AuthenticationFailed``: REST framework takes the ``WWW-Authenticate`` header of that
    class from the view's first authenticator, and turns its 401 into 403 without one.
    """

    def __init__(self, error: exceptions.RefreshSessionsError) -> None:
        self.status_code, challenge = _status_and_challenge(error)
        if isinstance(error, exceptions.ReauthenticationRequiredError):
            challenge = f"{challenge}{_challenge_parameters(error)}"
        body: dict[str, Any] = {"detail": error.message, "code": error.code}
        if reason := getattr(error, "reason", None):
            body["reason"] = str(reason)
        if isinstance(error, exceptions.SecondFactorRequiredError):
            body["ticket"] = error.ticket
            body["expires_at"] = error.expires_at.astimezone(UTC).isoformat()[:19] + "Z"
        if methods := getattr(error, "methods", None):
            body["methods"] = list(methods)
        super().__init__(body, code=error.code)
        if challenge:
            self.auth_header = challenge
        if retry_after := getattr(error, "retry_after", None):
            self.wait = retry_after


class AccessTokenRequired(exceptions.Portable, APIException):
    """The view requires an access token of this package.

    Not ``NotAuthenticated``: REST framework turns its 401 into 403 if the first authenticator of
    the view has no challenge.
    """

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = NotAuthenticated.default_detail
    default_code = NotAuthenticated.default_code
    auth_header = CHALLENGE

    def __init__(self) -> None:
        super().__init__({"detail": self.default_detail, "code": self.default_code})


class RefreshTokenMissing(exceptions.Portable, NotAuthenticated):
    """The request has no refresh token in the field or cookie of the transport."""

    def __init__(self, *, in_body: bool) -> None:
        settings = get_settings()
        if in_body:
            detail = _('Missing field "%(name)s".') % {"name": settings.field_name("refresh")}
        else:
            detail = _('Missing cookie "%(name)s".') % {"name": settings.COOKIE_NAME}
        super().__init__(detail)


class CSRFFailed(exceptions.Portable, APIException):
    """Another site caused the browser to send this request with the refresh cookie."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = _("This request came from another site.")
    default_code = "csrf_failed"


class TokenFamilyOverCookie(exceptions.Portable, APIException):
    """The cookie transport cannot open a second token family."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = _("A browser with a refresh cookie cannot open another token family.")
    default_code = "cookie_transport"

    def __init__(self) -> None:
        super().__init__({"detail": self.default_detail, "code": self.default_code})


class OAuthError(exceptions.Portable, APIException):
    """An error of an OAuth endpoint, with the field ``error`` of OAuth 2.0."""

    def __init__(self, detail: Any = None) -> None:
        code = self.default_code
        super().__init__(
            {"detail": detail or self.default_detail, "code": code, "error": code}, code=code
        )


class InvalidRequestError(OAuthError):
    """A parameter is missing or not a string (RFC 6749 §5.2)."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_request"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("The parameter '%(name)s' is missing or is not a string.") % {"name": name}
        )


class UnsupportedGrantTypeError(OAuthError):
    """The grant type is not ``refresh_token`` (RFC 6749 §5.2)."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = _("The only grant type is 'refresh_token'.")
    default_code = "unsupported_grant_type"


class InvalidClientError(OAuthError):
    """The caller is not one of ``INTROSPECTION_CLIENTS`` (RFC 6749 §5.2)."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = _("Client authentication failed.")
    default_code = "invalid_client"
    auth_header = 'Basic realm="introspection"'


@contextmanager
def as_api_exceptions() -> Iterator[None]:
    """Turn errors of this package and transient database errors into API exceptions."""
    try:
        yield
    except (exceptions.RefreshSessionsError, Error) as error:
        translated = _translate(error)
        if translated is error:
            raise
        raise translated from error


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """An exception handler for ``EXCEPTION_HANDLER`` that adds ``code`` to each ``detail``.

    Optional; without it only the errors of this package have a code. Bodies of validation errors
    are unchanged. Refused requests are written to the security log. With ``DEBUG`` an error of a
    view with access tokens may have a ``hint`` for the developer.
    """
    # A circular import: REST framework's views import the authentication class of the settings,
    # and that class imports this module.
    from rest_framework import views  # noqa: PLC0415

    response = views.exception_handler(exc, context)
    if response is not None and isinstance(response.data, dict):
        detail = response.data.get("detail")
        if isinstance(detail, ErrorDetail) and "code" not in response.data:
            response.data["code"] = detail.code
    request = context.get("request")
    if response is not None and isinstance(request, Request):
        log_refusal(response, request)
        if _accepts_access_tokens(request):
            add_hint(response, request, context.get("view"))
    return response


def sessions_exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The exception handler of this package's views, independent of ``EXCEPTION_HANDLER``."""
    response = exception_handler(_translate(exc), context)
    if response is None:
        return None
    if isinstance(exc, ValidationError):
        response.data = {
            "detail": _("Invalid input."),
            "code": "invalid",
            "errors": response.data,
        }
    if isinstance(exc, UnsupportedMediaType):
        response.data["detail"] = _('Send JSON with the header "Content-Type: application/json".')
    if isinstance(request := context.get("request"), Request):
        add_hint(response, request, context.get("view"))
    return response


_TEMPORARY: Final = (
    status.HTTP_409_CONFLICT,
    status.HTTP_429_TOO_MANY_REQUESTS,
    status.HTTP_503_SERVICE_UNAVAILABLE,
)

_PROOF_CODES: Final = (
    exceptions.InvalidDPoPProofError.code,
    exceptions.DPoPNonceRequiredError.code,
)
"""Codes that are errors of OAuth as well (RFC 9449 §5 and §8)."""

_REFUSED: Final = (status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN)


def add_oauth_error(response: Response) -> Response:
    """Add ``error`` to an error response of ``token/``, as OAuth clients expect it.

    400 ``invalid_grant``: the token is unusable. ``temporarily_unavailable``: 409, 429 or 503, and
    the client has to wait. ``invalid_request``: anything else; the client keeps its token.
    """
    if "error" in response.data:
        return response
    if response.status_code in _TEMPORARY:
        error = "temporarily_unavailable"
    elif response.data["code"] in _PROOF_CODES:
        error = response.data["code"]
    elif response.data["code"] == exceptions.DeviceProofRequiredError.code:
        error = "invalid_request"
    else:
        error = "invalid_grant" if response.status_code in _REFUSED else "invalid_request"
    if response.status_code in _REFUSED:
        # Without HTTP authentication of the client there is no challenge.
        response.status_code = status.HTTP_400_BAD_REQUEST
        del response["WWW-Authenticate"]
    response.data["error"] = error
    return response


def _challenge_parameters(error: exceptions.ReauthenticationRequiredError) -> str:
    """The challenge parameters ``max_age`` and ``acr_values`` (RFC 9470 §3)."""
    age = f', max_age="{int(error.max_age.total_seconds())}"'
    return f'{age}, acr_values="{error.acr_values}"' if error.acr_values else age


def _accepts_access_tokens(request: Request) -> bool:
    # Not isinstance(): the module of AccessTokenAuthentication imports this module.
    return any(
        getattr(one, "accepts_access_tokens", False) for one in request.authenticators or ()
    )


def _translate(error: Exception) -> Exception:
    if isinstance(error, exceptions.RefreshSessionsError):
        return SessionAPIException(error)
    if isinstance(error, Error) and is_transient(error):
        return SessionAPIException(exceptions.DatabaseBusyError())
    return error


def _status_and_challenge(error: exceptions.RefreshSessionsError) -> tuple[int, str | None]:
    if isinstance(error, exceptions.SessionExpiredError):
        expired: int = get_settings().SESSION_EXPIRED_STATUS
        return expired, _INVALID_TOKEN if expired == status.HTTP_401_UNAUTHORIZED else None
    for kind, code, challenge in _STATUS_AND_CHALLENGE:
        if isinstance(error, kind):
            return code, challenge
    raise TypeError(f"{type(error).__name__} has no HTTP status")
