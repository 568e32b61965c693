"""Views of the project: the view of its API, and login and logout with Django's sessions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login, logout
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class ProtectedView(APIView):
    """The view of the API: it answers with the primary key of the user."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.pk})


class PublicView(APIView):
    """A view that needs no authentication."""

    authentication_classes: Any = ()
    permission_classes: Any = ()


class SessionLoginView(PublicView):
    """Starts a session of Django."""

    def post(self, request: Request) -> Response:
        data: Any = request.data
        user = authenticate(request, username=data["username"], password=data["password"])
        if user is None:
            return Response(status=401)
        login(request._request, user)
        return Response({"user": user.pk})


class SessionLogoutView(APIView):
    """Ends a session of Django; its authentication class verifies the CSRF token."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response(status=204)
