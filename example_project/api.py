"""The project's own API. It contains no token code; the settings configure authentication."""

from decimal import Decimal
from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.rest_framework.permissions import RecentlyAuthenticated
from refresh_sessions.sessions import AccessGrant


class MeView(APIView):
    """``GET /api/me/``: the user and the device session of the request."""

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
    """Recipient and amount."""

    to = serializers.CharField(max_length=64)
    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=Decimal("0.01"))


class TransferView(APIView):
    """``POST /api/transfer/``: a sensitive action, which requires a recent re-authentication.

    It transfers and stores nothing; the response repeats the request.
    """

    # The limit is REAUTHENTICATION_MAX_AGE; RecentlyAuthenticated.within(minutes=1) sets another.
    permission_classes = (RecentlyAuthenticated,)

    def post(self, request: Request) -> Response:
        """Answer with the transfer."""
        serializer = TransferSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({"transferred": serializer.data})
