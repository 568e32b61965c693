"""An API of the project's own. Nothing in it is about tokens: the settings see to those."""

from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.sessions import AccessGrant


class MeView(APIView):
    """``GET /api/me/``: who calls, and in which device session."""

    def get(self, request: Request) -> Response:
        """Answer with user and session."""
        grant = cast("AccessGrant", request.auth)
        return Response(
            {
                "id": request.user.pk,
                "username": request.user.get_username(),
                "session": str(grant.session_id),
            }
        )
