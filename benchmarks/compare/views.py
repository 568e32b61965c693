"""Views of the project: its API, logins of Django, and the baseline.

The baseline is the least that a view of Django REST framework can do for each operation. A login
authenticates and signs two tokens. A request verifies a signature and takes the user from the
claims. A refresh verifies a signature, executes one conditional UPDATE and signs two tokens. A
logout verifies a signature and executes one conditional UPDATE.
"""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any, Final

import jwt
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.compare.models import BaselineSession

_ACCESS_LIFETIME: Final = 900
_REFRESH_LIFETIME: Final = 7 * 86_400


def decode(token: str) -> dict[str, Any]:
    """The claims of a token; raises if it is not valid."""
    claims: dict[str, Any] = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
    return claims


def _sign(user: str, session: str, jti: str) -> dict[str, str]:
    now = int(time.time())
    claims = {"sub": user, "sid": session, "iat": now}
    refresh = {**claims, "jti": jti, "exp": now + _REFRESH_LIFETIME}
    return {
        "access": jwt.encode({**claims, "exp": now + _ACCESS_LIFETIME}, settings.SECRET_KEY),
        "refresh": jwt.encode(refresh, settings.SECRET_KEY),
    }


def _refresh_token(request: Request) -> str:
    data: Any = request.data
    return str(data["refresh"])


class SignatureAuthentication(BaseAuthentication):
    """Verifies the signature, and builds the user from the claims without a query."""

    def authenticate(self, request: Request) -> Any:
        claims = decode(request.META["HTTP_AUTHORIZATION"].split()[1])
        return User(pk=int(claims["sub"])), claims


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


class LoginView(PublicView):
    def post(self, request: Request) -> Response:
        data: Any = request.data
        user = authenticate(request, username=data["username"], password=data["password"])
        if user is None:
            return Response(status=401)
        return Response(_sign(str(user.pk), str(uuid.uuid4()), secrets.token_urlsafe(16)))


class RefreshView(PublicView):
    def post(self, request: Request) -> Response:
        claims = decode(_refresh_token(request))
        new = secrets.token_urlsafe(16)
        newest = BaselineSession.objects.filter(pk=claims["sid"], jti=claims["jti"], active=True)
        if not newest.update(jti=new):
            return Response(status=401)
        return Response(_sign(claims["sub"], claims["sid"], new))


class LogoutView(PublicView):
    def post(self, request: Request) -> Response:
        claims = decode(_refresh_token(request))
        session = BaselineSession.objects.filter(pk=claims["sid"], active=True)
        return Response(status=204 if session.update(active=False) else 401)


class BaselineProtectedView(ProtectedView):
    authentication_classes = (SignatureAuthentication,)


urlpatterns = [
    path("login/", LoginView.as_view()),
    path("refresh/", RefreshView.as_view()),
    path("logout/", LogoutView.as_view()),
    path("protected/", BaselineProtectedView.as_view()),
]
