"""For endpoints to which a client presents its refresh token."""

from __future__ import annotations

from functools import cached_property

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.hidden import hide
from refresh_sessions.rest_framework.exceptions import RefreshTokenMissing
from refresh_sessions.rest_framework.views.base import ContractView
from refresh_sessions.tokens import refresh
from refresh_sessions.transports import get_transport

_FINAL = frozenset({status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN})


class PresentedTokenView(ContractView):
    """Reads the refresh token from where the transport carries it."""

    @cached_property
    def claims(self) -> refresh.RefreshClaims:
        """The claims of the verified refresh token.

        Raises:
            RefreshTokenMissing: there is none.
            ValidationError: there is something else in its place.
            InvalidTokenError: we did not issue it.

        """
        token = self.presented_token
        if token is None:
            raise RefreshTokenMissing(in_body=get_transport().in_body)
        return refresh.verify(token)

    @cached_property
    def presented_token(self) -> str | None:
        """The refresh token as it came, or None where there is none."""
        token = hide(get_transport().read(self.http_request, self.body))
        if token is None or token == "":
            return None
        if not isinstance(token, str):
            raise ValidationError({get_settings().field_name("refresh"): [_("Not a string.")]})
        return token

    def handle_exception(self, exc: Exception) -> Response:
        """Have the client drop its token when the answer is final.

        Not when it is told to read its storage again, to wait, or that its request was forged.
        """
        response = super().handle_exception(exc)
        if response.status_code in _FINAL and not get_transport().is_forged(self.http_request):
            get_transport().clear(response)
        return response
