"""``login/``, ``login/verify/``, ``refresh/`` and ``logout/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

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
    InvalidTokenError,
    NoActiveAccountError,
    SettingsError,
)
from refresh_sessions.identity import authenticate, watch_accounts
from refresh_sessions.lookups import canonical_username
from refresh_sessions.redaction import hide, hide_items
from refresh_sessions.rest_framework.authentication import bearer_token
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
    finish_sign_in,
    read_ticket,
    refresh_session,
    sign_in,
    sign_out,
)
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims
from refresh_sessions.transports import get_transport


class NewSessionView(SessionsAPIView):
    """For endpoints that end with a new session."""

    def login_response(self, pair: TokenPair) -> Response:
        """Answer with both tokens and the new session."""
        self._end_previous_session(self.http_request)
        return self.token_response(pair)

    def _end_previous_session(self, request: HttpRequest) -> None:
        """A browser has one cookie: the session of the one it replaces is nobody's any more."""
        if get_transport(self.http_request).in_body:
            return
        token = hide(get_transport(self.http_request).read(request, {}))
        if token is None:
            return
        try:
            sign_out(refresh_tokens.verify(token), request=request)
        except InvalidTokenError:
            return


class LoginView(NewSessionView):
    """Checks the password with Django's authentication backends and starts a session."""

    throttle_classes: Sequence[type[BaseThrottle]] = (LoginThrottle, LoginAddressThrottle)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with both tokens and the new session, or with a ticket for the second step."""
        serializer = import_string(get_settings().LOGIN_SERIALIZER)(
            data=self.json_body, context=self.serializer_context
        )
        serializer.is_valid(raise_exception=True)
        validated = serializer.validated_data
        data = hide_items(validated, shown=validated.keys() - {"password"})
        require_credentials(data, serializer)
        return self.login_response(self.sign_in(self.http_request, data))

    def sign_in(self, request: HttpRequest, data: dict[str, Any]) -> TokenPair:
        """Start a session for the owner of the credentials.

        One question to the backends and no look at the user before it: the time it takes must
        not tell unknown names, inactive accounts and wrong passwords apart (ASVS 6.3.8).
        """
        username, password = canonical_username(data.pop("username")), data.pop("password")
        name = data.pop("device_name", None) or ""
        with watch_accounts() as accounts:
            user = authenticate(request, username=username, password=password)
        within_rate = self._count_guess(accounts.keys, str(username))
        if user is None or not within_rate:
            raise NoActiveAccountError
        return sign_in(user, request=request, name=name, methods=("pwd",), data=data)

    def _count_guess(self, accounts: Sequence[str], username: str) -> bool:
        """Count the attempt for the account that was found; whether that is within the rate.

        Beyond it the answer is that of a wrong password: any other would tell that a spelling
        which nobody has stands for an account.
        """
        throttles = [item for item in self.get_throttles() if isinstance(item, LoginThrottle)]
        with as_api_exceptions():
            counted = [item.admits_account(self, accounts, username) for item in throttles]
        return all(counted)


def require_credentials(data: Mapping[str, Any], serializer: Any) -> None:
    """See to it that the login serializer has validated a user name and a password.

    Raises:
        ValidationError: the client left out a field that the serializer does not require.
        SettingsError: the serializer has no such field.

    """
    for name in ("username", "password"):
        # Any database field may identify a user; hashers take text alone.
        if name in data and (name == "username" or isinstance(data[name], str | None)):
            continue
        fields = getattr(serializer, "fields", {}).values()
        sent_as = [field.field_name for field in fields if field.source == name]
        if name not in data and sent_as:
            required = str(Field.default_error_messages["required"])
            raise ValidationError({sent_as[0]: [ErrorDetail(required, code="required")]})
        path = get_settings().LOGIN_SERIALIZER
        raise SettingsError(
            f"{NAMESPACE}['LOGIN_SERIALIZER'] names {path!r}, whose validated data must have "
            f"{name!r} as text. Derive it from LoginSerializer, and rename fields with "
            "'FIELD_NAMES'."
        )


class VerifyView(NewSessionView):
    """The second step, for users who have a second factor."""

    throttle_classes: Sequence[type[BaseThrottle]] = (VerifyThrottle,)

    @cached_property
    def step(self) -> dict[str, Any]:
        """The validated body."""
        serializer = SecondStepSerializer(data=self.json_body, context=self.serializer_context)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @cached_property
    def ticket(self) -> Ticket:
        """The ticket of the request.

        Raises:
            ValidationError: there is none.
            InvalidTicketError: we did not issue it.

        """
        return read_ticket(self.step["ticket"])

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The account of the ticket, for the throttle of this endpoint."""
        return self.ticket.account if isinstance(throttle, VerifyThrottle) else None

    @sensitive_variables()
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer as a sign-in does."""
        pair = finish_sign_in(
            self.ticket,
            self.json_body,
            request=self.http_request,
            name=self.step.get("device_name") or "",
        )
        return self.login_response(pair)


class RefreshView(PresentedTokenView):
    """Rotates the refresh token, and looks at nothing else: no access token, no user."""

    throttle_classes: Sequence[type[BaseThrottle]] = (RefreshThrottle,)

    def get_throttles(self) -> list[BaseThrottle]:
        """The same objects for the look before the refresh and the count after it."""
        return self.throttles

    @cached_property
    def throttles(self) -> list[BaseThrottle]:
        """The throttles of this request."""
        return super().get_throttles()

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The session of the refresh token, for the throttle of this endpoint."""
        return str(self.claims.session_id) if isinstance(throttle, RefreshThrottle) else None

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with an access token, and a refresh token where the client is to store one."""
        try:
            pair = refresh_session(self.claims, request=self.http_request)
        except Exception:
            self._count()
            raise
        if not pair.repeated:
            self._count()
        response = Response(build_token_body(pair, request=self.http_request))
        get_transport(self.http_request).write(self.http_request, response, pair)
        return response

    def _count(self) -> None:
        """Herds of parallel requests are honest: only one of them weighs in the throttle."""
        for throttle in self.throttles:
            if isinstance(throttle, RefreshThrottle):
                throttle.count()


class LogoutView(PresentedTokenView):
    """Ends the session of the refresh token, or of the access token where there is none.

    Twice is fine, and an expired token is good enough for it.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with nothing."""
        sign_out(self._holder(request), request=self.http_request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        get_transport(self.http_request).clear(self.http_request, response)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Have the client drop its token also where we did not issue it."""
        response = super().handle_exception(exc)
        refused = response.status_code == status.HTTP_401_UNAUTHORIZED
        if refused and not isinstance(exc, DeviceProofRequiredError):
            get_transport(self.http_request).clear(self.http_request, response)
        return response

    def _holder(self, request: Request) -> AccessClaims | RefreshClaims:
        if self.presented_token is not None:
            return self.claims
        token = bearer_token(request)
        if token is None:
            raise RefreshTokenMissing(in_body=get_transport(self.http_request).in_body)
        return access_tokens.verify(token, allow_expired=True)
