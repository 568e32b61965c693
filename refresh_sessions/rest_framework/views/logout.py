"""``POST logout/``: end this session."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.exceptions import DeviceProofRequiredError
from refresh_sessions.rest_framework.authentication import bearer_token
from refresh_sessions.rest_framework.exceptions import RefreshTokenMissing
from refresh_sessions.rest_framework.views.presented import PresentedTokenView
from refresh_sessions.sessions import sign_out
from refresh_sessions.tokens import access
from refresh_sessions.tokens.access import AccessClaims
from refresh_sessions.tokens.refresh import RefreshClaims
from refresh_sessions.transports import get_transport


class LogoutView(PresentedTokenView):
    """Ends the session of the refresh token, or of the access token where there is none.

    Twice is fine, and an expired token is good enough for it.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with nothing."""
        sign_out(self._holder(request), request=self.http_request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        get_transport().clear(self.http_request, response)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Have the client drop its token also where we did not issue it."""
        response = super().handle_exception(exc)
        refused = response.status_code == status.HTTP_401_UNAUTHORIZED
        if refused and not isinstance(exc, DeviceProofRequiredError):
            get_transport().clear(self.http_request, response)
        return response

    def _holder(self, request: Request) -> AccessClaims | RefreshClaims:
        if self.presented_token is not None:
            return self.claims
        token = bearer_token(request)
        if token is None:
            raise RefreshTokenMissing(in_body=get_transport().in_body)
        return access.verify(token, allow_expired=True)
