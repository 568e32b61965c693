"""Base classes of the views, independent of the project's ``REST_FRAMEWORK`` defaults."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, NoReturn, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import router, transaction
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas import DefaultSchema
from rest_framework.serializers import Serializer
from rest_framework.status import HTTP_200_OK
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from refresh_sessions.binding.bound_cookie import clear_bound_cookie
from refresh_sessions.binding.dbsc import format_registration, is_dbsc_enabled
from refresh_sessions.binding.dpop import get_nonce_for_response
from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.database import retry_transient
from refresh_sessions.exceptions import DeviceProofRequiredError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.request_transport import TransportName, set_transport
from refresh_sessions.rest_framework.authentication import DatabaseAccessTokenAuthentication
from refresh_sessions.rest_framework.device_sessions import REGISTER, find_endpoint
from refresh_sessions.rest_framework.exceptions import (
    CHALLENGE,
    CSRFFailed,
    RefreshTokenMissing,
    sessions_exception_handler,
)
from refresh_sessions.rest_framework.parsers import JSONOnly, StrictJSONParser
from refresh_sessions.rest_framework.requests import BoundedRequest
from refresh_sessions.rest_framework.serializers import build_token_body
from refresh_sessions.sessions import (
    AccessGrant,
    TokenPair,
    read_grant,
    require_recent_authentication,
)
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.transports import get_transport

__all__ = ["OwnSessionsView", "SessionsAPIView"]

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))

_EMPTY_VALUES: Final = frozenset({"undefined", "null", "None", "[object Object]"})
"""Texts that client programs send for a variable without a value."""


class DescribedSchema(DefaultSchema):
    """The project's ``DEFAULT_SCHEMA_CLASS``, if it is drf-spectacular's class or a subclass.

    None for other schema generators: they ask the view for a serializer, which the views of this
    package do not have. None excludes the view from the schema.
    """

    def __get__(self, instance: Any, owner: Any) -> Any:
        inspector = super().__get__(instance, owner)
        # Not type(): for one operation drf-spectacular sets a weak proxy.
        modules = (base.__module__ for base in inspector.__class__.__mro__)
        return inspector if "drf_spectacular.openapi" in modules else None


# Sensitive from this frame down: the locals of REST framework's frames hold tokens as well.
@method_decorator(sensitive_variables(), name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
# With ATOMIC_REQUESTS, the error response to a reused token would roll back the revocation.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SessionsAPIView(APIView):
    """Base view: JSON only, uncached responses, errors with a code, no authentication."""

    # Without authentication: an expired access token in the header must not cause a 401.
    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    permission_classes: Sequence[type[BasePermission]] = (AllowAny,)
    throttle_classes: Sequence[type[BaseThrottle]] = ()
    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)
    renderer_classes: Sequence[type[BaseRenderer]] = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    metadata_class = None
    http_method_names = ("get", "post", "patch", "delete", "head")
    versioning_class = None
    schema = DescribedSchema()

    transport: ClassVar[TransportName | None] = None
    """The transport of the refresh token; None for that of the settings."""
    is_private = True
    """Whether to refuse requests from other sites."""

    def get_authenticate_header(self, request: Request) -> str:
        """The challenge of a 401; without one, REST framework turns it into a 403."""
        return CHALLENGE

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """The exception handler of this package instead of the project's."""
        return sessions_exception_handler

    @property
    def http_request(self) -> HttpRequest:
        """Django's request, which signal receivers expect, without REST framework's wrapper."""
        return self.request._request

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """A request with a bounded body."""
        if self.transport is not None:
            set_transport(request, self.transport)
        return BoundedRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse wrong methods and cross-site requests before the body is read."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        if self.is_private and get_transport(self.http_request).is_cross_site(self.http_request):
            raise CSRFFailed
        cast("BoundedRequest", request).read_body()
        super().initial(request, *args, **kwargs)

    def raise_uncaught_exception(self, exc: Exception) -> NoReturn:
        """Clear an unread body, so that error trackers cannot read it."""
        self.http_request._body = b""  # noqa: SLF001
        super().raise_uncaught_exception(exc)
        raise exc

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Forbid caches to store the response (OAuth 2.1 §3.2.3, ASVS 14.3.2)."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        if nonce := get_nonce_for_response(self.http_request):
            response["DPoP-Nonce"] = nonce
        if _get_code(response) == DeviceProofRequiredError.code:
            # The browser renews a missing cookie, but not one of another session.
            clear_bound_cookie(self.http_request, response)
        return response

    @property
    def serializer_context(self) -> dict[str, Any]:
        """The serializer context, with the keys of REST framework's generic views."""
        return {"request": self.request, "view": self}

    def token_response(self, pair: TokenPair, *, status: int = HTTP_200_OK) -> Response:
        """The response with a token pair and its session."""
        context = {**self.serializer_context, "current_session_id": pair.session.pk}
        serializer = import_string(get_settings().SESSION_SERIALIZER)
        # The token pair is committed: retry a transient read error instead of losing it.
        described = retry_transient(
            router.db_for_write(DeviceSession),
            lambda: serializer(pair.session, context=context).data,
        )
        response = Response(
            build_token_body(pair, request=self.http_request, session=described), status=status
        )
        get_transport(self.http_request).write(self.http_request, response, pair)
        self._offer_registration(response, pair.family)
        return response

    def _offer_registration(self, response: Response, family: TokenFamily) -> None:
        """Ask the browser to register a key of the device for an unbound family."""
        request = self.http_request
        if family.key_thumbprint or not is_dbsc_enabled(request):
            return
        if path := find_endpoint(request, REGISTER):
            response["Secure-Session-Registration"] = format_registration(path, family.pk)
        # That of an earlier session of this browser, whose refresh cookie is replaced.
        clear_bound_cookie(request, response)

    @property
    def json_body(self) -> Mapping[str, Any]:
        """The JSON object of the request; an empty body is an empty object."""
        request = self.request
        data: Any = request.parsed if isinstance(request, BoundedRequest) else request.data
        if not isinstance(data, Mapping):
            # Raises the serializer's own error for data that is not an object.
            Serializer(data=data).is_valid(raise_exception=True)
        return cast("Mapping[str, Any]", data)


class OwnSessionsView(SessionsAPIView):
    """Base of the views with which users manage their own sessions."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (
        DatabaseAccessTokenAuthentication,
    )
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)

    @property
    def owner(self) -> AbstractBaseUser:
        """The user of the access token."""
        return self.grant.user

    @property
    def grant(self) -> AccessGrant:
        """The grant of the access token."""
        return cast("AccessGrant", self.request.auth)

    def require_reauthentication_to_revoke(self) -> None:
        """Require a recent re-authentication to revoke other sessions (ASVS 7.5.2).

        Raises:
            ReauthenticationRequiredError: the authentication is too old.

        """
        settings = get_settings()
        if settings.REAUTHENTICATE_TO_REVOKE:
            family = read_grant(self.grant, request=self.http_request)
            max_age = settings.REAUTHENTICATION_MAX_AGE
            require_recent_authentication(family, self.grant.claims, max_age=max_age)


class PresentedTokenView(SessionsAPIView):
    """Base of the views that read the refresh token of the request."""

    @cached_property
    def claims(self) -> refresh_tokens.RefreshClaims:
        """The claims of the verified refresh token.

        Raises:
            RefreshTokenMissing: the request has no refresh token.
            ValidationError: the field is not a string.
            InvalidTokenError: this package did not issue the token.

        """
        token = self.presented_token
        if token is None:
            raise RefreshTokenMissing(in_body=get_transport(self.http_request).in_body)
        return refresh_tokens.verify(token)

    @cached_property
    def presented_token(self) -> str | None:
        """The unverified refresh token of the request, or None without one."""
        token = hide(get_transport(self.http_request).read(self.http_request, self.json_body))
        if token is None or token == "":
            return None
        if not isinstance(token, str):
            raise ValidationError({get_settings().field_name("refresh"): [_("Not a string.")]})
        if token in _EMPTY_VALUES:
            burst_logger.warning(
                'A client presented "%s" as its refresh token: it stored a field that was missing '
                "in an answer. Store the refresh token only if the answer contains one.",
                token,
            )
        return token


def _get_code(response: Response) -> object:
    return response.data.get("code") if isinstance(response.data, Mapping) else None
