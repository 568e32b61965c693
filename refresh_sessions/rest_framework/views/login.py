"""``POST login/``: sign in with user name and password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError, NoActiveAccountError
from refresh_sessions.rest_framework.throttling import LoginThrottle
from refresh_sessions.rest_framework.views.base import ContractView
from refresh_sessions.sessions import TokenPair, sign_out, start_session
from refresh_sessions.tokens import refresh
from refresh_sessions.transports import get_transport


class LoginView(ContractView):
    """Checks the password with Django's authentication backends and starts a session."""

    throttle_classes = (LoginThrottle,)

    def post(self, request: Request) -> Response:
        """Answer with both tokens and the new session."""
        serializer = import_string(get_settings().LOGIN_SERIALIZER)(
            data=self.body, context=self.serializer_context
        )
        serializer.is_valid(raise_exception=True)
        pair = self.sign_in(self.http_request, dict(serializer.validated_data))
        self._end_previous_session(self.http_request)
        return self.hand_over(pair)

    def sign_in(self, request: HttpRequest, data: dict[str, Any]) -> TokenPair:
        """Start a session for the owner of the credentials.

        One question to the backends and no look at the user before it: the time it takes must
        not tell unknown names, inactive accounts and wrong passwords apart (ASVS 6.3.8).
        """
        username, password = data.pop("username"), data.pop("password")
        name = data.pop("device_name", None) or ""
        user = authenticate(request, username=username, password=password)
        if user is None:
            raise NoActiveAccountError
        return start_session(user, request=request, name=name, methods=("pwd",), data=data)

    def _end_previous_session(self, request: HttpRequest) -> None:
        """A browser has one cookie: the session of the one it replaces is nobody's any more."""
        if get_transport().in_body:
            return
        token = get_transport().read(request, {})
        if token is None:
            return
        try:
            sign_out(refresh.verify(token), request=request)
        except InvalidTokenError:
            return
