"""``reauthenticate/``: verify the user's identity once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import ReauthenticationFailedError
from refresh_sessions.identity import available_methods, describe_methods, verify_identity
from refresh_sessions.rest_framework.serializers import UTCDateTimeField
from refresh_sessions.rest_framework.throttling import ReauthenticateThrottle
from refresh_sessions.rest_framework.views.base import OwnSessionsView
from refresh_sessions.sessions import (
    authenticated_at_for_token,
    get_step_up_limiter,
    is_recently_authenticated,
    read_grant,
    reauthenticate_session,
    record_failed_reauthentication,
    require_session_key,
)


class ReauthenticateView(OwnSessionsView):
    """Re-authentication with one method of each kind of factor that the user has."""

    def get_throttles(self) -> list[BaseThrottle]:
        """The throttle of attempts; GET is not limited."""
        return [ReauthenticateThrottle()] if self.request.method == "POST" else []

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer whether a sensitive action requires a re-authentication, and the methods."""
        family = read_grant(self.grant, request=self.http_request)
        max_age = get_settings().REAUTHENTICATION_MAX_AGE
        authenticated_at = authenticated_at_for_token(family, self.grant.claims)
        return Response(
            {
                "required": not is_recently_authenticated(
                    family, self.grant.claims, max_age=max_age
                ),
                "max_age": int(max_age.total_seconds()),
                "methods": describe_methods(available_methods(self.owner)),
                "authenticated_at": authenticated_at
                and UTCDateTimeField().to_representation(authenticated_at),
            }
        )

    @sensitive_variables()
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Verify the user and answer with the body of a login."""
        require_session_key(self.grant, request=self.http_request)
        attempts = get_step_up_limiter(self.grant)
        try:
            methods = verify_identity(
                self.owner, self.json_body, self.http_request, before=attempts.consume
            )
        except ReauthenticationFailedError:
            record_failed_reauthentication(
                self.grant, methods=self._presented_methods(), request=self.http_request
            )
            raise
        attempts.reset()
        pair = reauthenticate_session(self.grant, methods=methods, request=self.http_request)
        return self.token_response(pair)

    def _presented_methods(self) -> Sequence[str]:
        """The names of the methods with a field in the request."""
        available = available_methods(self.owner)
        return [method.name for method in available if method.field in self.json_body]
