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
from refresh_sessions.identity import available_methods, describe, prove_identity
from refresh_sessions.rest_framework.serializers import UTCDateTimeField
from refresh_sessions.rest_framework.throttling import ReauthenticateThrottle
from refresh_sessions.rest_framework.views.base import OwnSessionsView
from refresh_sessions.sessions import (
    is_fresh,
    note_failed_proof,
    proof_by,
    read_grant,
    reauthenticate_session,
    step_ups_of,
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
        proven = proof_by(family, self.grant.claims)
        return Response(
            {
                "required": not is_fresh(family, self.grant.claims, max_age=max_age),
                "max_age": int(max_age.total_seconds()),
                "methods": describe(available_methods(self.owner)),
                "authenticated_at": proven and UTCDateTimeField().to_representation(proven),
            }
        )

    @sensitive_variables()
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer as a sign-in does."""
        attempts = step_ups_of(self.grant)
        try:
            methods = prove_identity(
                self.owner, self.body, self.http_request, before=attempts.take
            )
        except ReauthenticationFailedError:
            note_failed_proof(
                self.grant, methods=self._tried(self.body), request=self.http_request
            )
            raise
        attempts.forget()
        pair = reauthenticate_session(self.grant, methods=methods, request=self.http_request)
        return self.hand_over(pair)

    def _tried(self, body: Any) -> Sequence[str]:
        tried = [method for method in available_methods(self.owner) if method.field in body]
        return [method.name for method in tried]
