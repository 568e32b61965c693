"""URLs of ``benchmarks.proofs``: the endpoints, and one view."""

from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class MeView(APIView):
    """The name of the user."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        """Answer with the name."""
        return Response({"username": request.user.get_username()})


urlpatterns = [path("auth/", include("refresh_sessions.urls")), path("me/", MeView.as_view())]
