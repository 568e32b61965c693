"""``POST refresh/``: exchange a refresh token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from refresh_sessions.rest_framework.serializers import pair_body
from refresh_sessions.rest_framework.throttling import RefreshThrottle
from refresh_sessions.rest_framework.views.presented import PresentedTokenView
from refresh_sessions.sessions import refresh_session
from refresh_sessions.transports import get_transport


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

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with an access token, and a refresh token where the client is to store one."""
        try:
            pair = refresh_session(self.claims, request=self.http_request)
        except Exception:
            self._count()
            raise
        if not pair.repeated:
            self._count()
        response = Response(pair_body(pair))
        get_transport().write(self.http_request, response, pair)
        return response

    def _count(self) -> None:
        """Herds of parallel requests are honest: only one of them weighs in the throttle."""
        for throttle in self.throttles:
            if isinstance(throttle, RefreshThrottle):
                throttle.count()
