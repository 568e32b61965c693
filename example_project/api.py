"""An API of the project's own. Nothing in it is about tokens: the settings see to those."""

from decimal import Decimal
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.rest_framework.permissions import RecentlyAuthenticated
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


class TransferSerializer(serializers.Serializer[Any]):
    """To whom, and how much."""

    to = serializers.CharField(max_length=64)
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"))


class TransferView(APIView):
    """``POST /api/transfer/``: a sensitive action, for those who have just proven who they are.

    No money moves, and nothing is stored: the answer says what would have been transferred.
    """

    # By REAUTHENTICATION_MAX_AGE; another age would be RecentlyAuthenticated.within(minutes=1).
    permission_classes = (RecentlyAuthenticated,)

    def post(self, request: Request) -> Response:
        """Answer with the transfer."""
        serializer = TransferSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({"transferred": serializer.data})
