"""For endpoints to which a client presents its refresh token."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from refresh_sessions.bursts import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.hidden import hide
from refresh_sessions.rest_framework.exceptions import RefreshTokenMissing
from refresh_sessions.rest_framework.views.base import ContractView
from refresh_sessions.tokens import refresh
from refresh_sessions.transports import get_transport

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))

_WRITTEN_OUT: Final = frozenset({"undefined", "null", "None", "[object Object]"})
"""What languages write where a variable has no value."""


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
        if token in _WRITTEN_OUT:
            burst_logger.warning(
                'A client presented "%s" as its refresh token: it stored a field that an answer '
                "did not have. Store the refresh token only when the answer has one.",
                token,
            )
        return token
