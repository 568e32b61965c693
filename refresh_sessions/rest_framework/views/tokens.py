"""``login/``, ``login/verify/``, ``refresh/`` and ``logout/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from refresh_sessions.conf import NAMESPACE, get_settings
from refresh_sessions.exceptions import (
    DeviceProofRequiredError,
    DPoPNonceRequiredError,
    InvalidDPoPProofError,
    InvalidTokenError,
    NoActiveAccountError,
    SettingsError,
)
from refresh_sessions.identity import authenticate, watch_accounts
from refresh_sessions.identity.backends import announce_login_failure
from refresh_sessions.lookups import canonical_username
from refresh_sessions.redaction import hide, hide_items
from refresh_sessions.rest_framework.authentication import read_access_token
from refresh_sessions.rest_framework.exceptions import RefreshTokenMissing, as_api_exceptions
from refresh_sessions.rest_framework.serializers import SecondStepSerializer, build_token_body
from refresh_sessions.rest_framework.throttling import (
    LoginAddressThrottle,
    LoginThrottle,
    RefreshThrottle,
    VerifyThrottle,
)
from refresh_sessions.rest_framework.views.base import PresentedTokenView, SessionsAPIView
from refresh_sessions.sessions import (
    Ticket,
    TokenPair,
    finish_login,
    log_in,
    log_out,
    read_ticket,
    refresh_session,
)
from refresh_sessions.sessions.key_binding import read_new_binding
from refresh_sessions.sessions.logout import revoke_replaced_session
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims
from refresh_sessions.transports import get_transport

KEEPS_SESSION: Final = (
    DeviceProofRequiredError,
    DPoPNonceRequiredError,
    InvalidDPoPProofError,
)
"""Errors of a request without the key of the session; the client keeps its tokens."""


class NewSessionView(SessionsAPIView):
    """Base of the endpoints that start a session."""

    def login_response(self, pair: TokenPair) -> Response:
        """The response with both tokens and the new session."""
        self._revoke_replaced_session(self.http_request)
        return self.token_response(pair)

    def _revoke_replaced_session(self, request: HttpRequest) -> None:
        """Revoke the session of the refresh cookie, which the new cookie overwrites."""
        if get_transport(self.http_request).in_body:
            return
        token = hide(get_transport(self.http_request).read(request, {}))
        if token is None:
            return
        with suppress(InvalidTokenError):
            revoke_replaced_session(refresh_tokens.verify(token), request=request)


class LoginView(NewSessionView):
    """Checks the password with Django's authentication backends and starts a session."""

    throttle_classes: Sequence[type[BaseThrottle]] = (LoginThrottle, LoginAddressThrottle)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with both tokens and the new session, or with a sign-in ticket."""
        serializer = import_string(get_settings().LOGIN_SERIALIZER)(
            data=self.json_body, context=self.serializer_context
        )
        serializer.is_valid(raise_exception=True)
        validated = serializer.validated_data
        data = hide_items(validated, shown=validated.keys() - {"password"})
        require_credentials(data, serializer)
        # Before the password: after it, the error would tell that the password was right.
        read_new_binding(self.http_request)
        return self.login_response(self.log_in(self.http_request, data))

    def log_in(self, request: HttpRequest, data: dict[str, Any]) -> TokenPair:
        """Start a session for the user of the credentials.

        Calls the authentication backends once and reads no user before: the response time must not
        distinguish unknown names, inactive accounts and wrong passwords (ASVS 6.3.8).
        """
        username, password = canonical_username(data.pop("username")), data.pop("password")
        name = data.pop("device_name", None) or ""
        with watch_accounts() as accounts:
            user = authenticate(request, username=username, password=password)
        within_rate = self._count_attempt(accounts.keys, str(username))
        if user is None:
            raise NoActiveAccountError
        if within_rate:
            with suppress(NoActiveAccountError):
                return log_in(user, request=request, name=name, methods=("pwd",), data=data)
        # The backends have accepted the password, so Django has sent no signal.
        announce_login_failure(request, {"username": username})
        raise NoActiveAccountError

    def _count_attempt(self, accounts: Sequence[str], username: str) -> bool:
        """Count the attempt for the accounts of the name; return whether it is within the rate.

        Beyond the rate the client gets the answer to a wrong password. A different answer would
        reveal that another spelling of a name belongs to an account.
        """
        throttles = [item for item in self.get_throttles() if isinstance(item, LoginThrottle)]
        with as_api_exceptions():
            counted = [item.admits_account(self, accounts, username) for item in throttles]
        return all(counted)


def require_credentials(data: Mapping[str, Any], serializer: Any) -> None:
    """Require a user name and a password in the validated data of the login serializer.

    Raises:
        ValidationError: the request lacks a field that the serializer does not require.
        SettingsError: the serializer has no field for it.

    """
    for name in ("username", "password"):
        # A user name can have the type of any model field; a password must be text.
        if name in data and (name == "username" or isinstance(data[name], str | None)):
            continue
        fields = getattr(serializer, "fields", {}).values()
        sent_as = [field.field_name for field in fields if field.source == name]
        if name not in data and sent_as:
            required = str(Field.default_error_messages["required"])
            raise ValidationError({sent_as[0]: [ErrorDetail(required, code="required")]})
        path = get_settings().LOGIN_SERIALIZER
        raise SettingsError(
            f"{NAMESPACE}['LOGIN_SERIALIZER'] names {path!r}. Its validated data must contain "
            f"{name!r} as text. Derive the serializer from LoginSerializer, and rename fields "
            "with 'FIELD_NAMES'."
        )


class VerifyView(NewSessionView):
    """The second step of a login, for users with a second factor."""

    throttle_classes: Sequence[type[BaseThrottle]] = (VerifyThrottle,)

    @cached_property
    def step(self) -> dict[str, Any]:
        """The validated body."""
        serializer = SecondStepSerializer(data=self.json_body, context=self.serializer_context)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @cached_property
    def ticket(self) -> Ticket:
        """The sign-in ticket of the request.

        Raises:
            ValidationError: the ticket is missing.
            InvalidTicketError: this package did not issue the ticket.

        """
        return read_ticket(self.step["ticket"])

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The account of the ticket for ``VerifyThrottle``, None for other throttles."""
        return self.ticket.account if isinstance(throttle, VerifyThrottle) else None

    @sensitive_variables()
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Verify the second factor and answer with the body of a login."""
        pair = finish_login(
            self.ticket,
            self.json_body,
            request=self.http_request,
            name=self.step.get("device_name") or "",
        )
        return self.login_response(pair)


class RefreshView(PresentedTokenView):
    """Rotates the refresh token; reads neither the access token nor the user."""

    throttle_classes: Sequence[type[BaseThrottle]] = (RefreshThrottle,)

    def get_throttles(self) -> list[BaseThrottle]:
        """The same instances for the check before the refresh and the count after it."""
        return self.throttles

    @cached_property
    def throttles(self) -> list[BaseThrottle]:
        """The throttles of this request."""
        return super().get_throttles()

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The session of the refresh token for ``RefreshThrottle``, None for other throttles."""
        return str(self.claims.session_id) if isinstance(throttle, RefreshThrottle) else None

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with an access token, and with a refresh token if the client is to store one."""
        try:
            pair = refresh_session(self.claims, request=self.http_request)
        except KEEPS_SESSION:
            # Without the key, an attacker must not use up the rate of the session.
            raise
        except Exception:
            self._count()
            raise
        if not pair.repeated:
            self._count()
        response = self.build_response(pair)
        get_transport(self.http_request).write(self.http_request, response, pair)
        return response

    def build_response(self, pair: TokenPair) -> Response:
        """The response with the tokens."""
        return Response(build_token_body(pair, request=self.http_request))

    def _count(self) -> None:
        """Count the refresh; the view calls this once for a group of parallel requests."""
        for throttle in self.throttles:
            if isinstance(throttle, RefreshThrottle):
                throttle.count()


class LogoutView(PresentedTokenView):
    """Revokes the session of the refresh token, or of the access token without one.

    Accepts expired tokens and repeated requests.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Revoke the session and answer with an empty 204."""
        log_out(self._read_claims(request), request=self.http_request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        get_transport(self.http_request).clear(self.http_request, response)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Delete the cookies of the client after a 401 as well."""
        response = super().handle_exception(exc)
        refused = response.status_code == status.HTTP_401_UNAUTHORIZED
        if refused and not isinstance(exc, KEEPS_SESSION):
            get_transport(self.http_request).clear(self.http_request, response)
        return response

    def _read_claims(self, request: Request) -> AccessClaims | RefreshClaims:
        """The claims of the refresh token, or of the access token without one."""
        if self.presented_token is not None:
            return self.claims
        presented = read_access_token(request)
        if presented is None:
            raise RefreshTokenMissing(in_body=get_transport(self.http_request).in_body)
        token, _ = presented
        return access_tokens.verify(token, allow_expired=True)
