"""``reauthenticate/``: prove who you are once more."""

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
)


class ReauthenticateView(OwnSessionsView):
    """With a valid access token, and one method of each kind of factor that the user has."""

    def get_throttles(self) -> list[BaseThrottle]:
        """Asking whether a proof is needed proves nothing, and costs nothing."""
        return [ReauthenticateThrottle()] if self.request.method == "POST" else []

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with what a sensitive action would find, and by what it could be changed."""
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
        """Answer as a sign-in does."""
        attempts = get_step_up_limiter(self.grant)
        try:
            methods = verify_identity(
                self.owner, self.json_body, self.http_request, before=attempts.consume
            )
        except ReauthenticationFailedError:
            record_failed_reauthentication(
                self.grant, methods=self._tried(self.json_body), request=self.http_request
            )
            raise
        attempts.reset()
        pair = reauthenticate_session(self.grant, methods=methods, request=self.http_request)
        return self.token_response(pair)

    def _tried(self, body: Any) -> Sequence[str]:
        tried = [method for method in available_methods(self.owner) if method.field in body]
        return [method.name for method in tried]
