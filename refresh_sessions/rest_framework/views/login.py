"""``POST login/`` and ``POST login/verify/``: sign in with user name and password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from refresh_sessions.conf import NAMESPACE, get_settings
from refresh_sessions.exceptions import InvalidTokenError, NoActiveAccountError, SettingsError
from refresh_sessions.hidden import hide, hide_items
from refresh_sessions.identity import authenticate, watch_accounts
from refresh_sessions.lookups import canonical_username
from refresh_sessions.rest_framework.exceptions import as_api_exceptions
from refresh_sessions.rest_framework.serializers import SecondStepSerializer
from refresh_sessions.rest_framework.throttling import (
    LoginAddressThrottle,
    LoginThrottle,
    VerifyThrottle,
)
from refresh_sessions.rest_framework.views.base import ContractView
from refresh_sessions.sessions import (
    Ticket,
    TokenPair,
    finish_sign_in,
    read_ticket,
    sign_in,
    sign_out,
)
from refresh_sessions.tokens import refresh
from refresh_sessions.transports import get_transport


class SignInView(ContractView):
    """For endpoints that end with a new session."""

    def signed_in(self, pair: TokenPair) -> Response:
        """Answer with both tokens and the new session."""
        self._end_previous_session(self.http_request)
        return self.hand_over(pair)

    def _end_previous_session(self, request: HttpRequest) -> None:
        """A browser has one cookie: the session of the one it replaces is nobody's any more."""
        if get_transport().in_body:
            return
        token = hide(get_transport().read(request, {}))
        if token is None:
            return
        try:
            sign_out(refresh.verify(token), request=request)
        except InvalidTokenError:
            return


class LoginView(SignInView):
    """Checks the password with Django's authentication backends and starts a session."""

    throttle_classes: Sequence[type[BaseThrottle]] = (LoginThrottle, LoginAddressThrottle)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with both tokens and the new session, or with a ticket for the second step."""
        serializer = import_string(get_settings().LOGIN_SERIALIZER)(
            data=self.body, context=self.serializer_context
        )
        serializer.is_valid(raise_exception=True)
        validated = serializer.validated_data
        data = hide_items(validated, shown=validated.keys() - {"password"})
        require_credentials(data, serializer)
        return self.signed_in(self.sign_in(self.http_request, data))

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


class VerifyView(SignInView):
    """The second step, for users who have a second factor."""

    throttle_classes: Sequence[type[BaseThrottle]] = (VerifyThrottle,)

    @cached_property
    def step(self) -> dict[str, Any]:
        """The validated body."""
        serializer = SecondStepSerializer(data=self.body, context=self.serializer_context)
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

    @sensitive_variables()
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer as a sign-in does."""
        pair = finish_sign_in(
            self.ticket,
            self.body,
            request=self.http_request,
            name=self.step.get("device_name") or "",
        )
        return self.signed_in(pair)
