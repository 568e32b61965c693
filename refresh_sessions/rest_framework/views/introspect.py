"""``POST introspect/``: would this token be accepted now? (RFC 7662)."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.rest_framework.clients import require_client
from refresh_sessions.rest_framework.views.about_tokens import AboutTokenView
from refresh_sessions.sessions import introspect_access_token, introspect_refresh_token


class IntrospectView(AboutTokenView):
    """Tells the services in ``INTROSPECTION_CLIENTS``, by the state of the database.

    A refresh token is active only for who says that it expects one: a service that looks at
    ``active`` alone would else accept a refresh token in place of an access token.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Be there only where somebody may ask, and answer nobody else."""
        if not get_settings().INTROSPECTION_CLIENTS:
            raise NotFound
        super().initial(request, *args, **kwargs)
        require_client(self.http_request)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the claims, or with nothing but the fact that the token is not good."""
        claims = introspect_access_token(self.token)
        if claims is None and self.body.get("token_type_hint") == "refresh_token":
            claims = introspect_refresh_token(self.token)
        return Response({"active": False} if claims is None else {"active": True, **claims})
