"""The subjects of the measurement: views, and clients that call them repeatedly."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.endpoints import post
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.sessions import start_session

_KEY = settings.SECRET_KEY[:32]


class Bare(APIView):
    """A view without authentication."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


class SignatureOnly(BaseAuthentication):
    """Verifies the signature, and builds the user from the claims without a query."""

    def authenticate(self, request: Request) -> Any:
        token = request.META["HTTP_AUTHORIZATION"].split()[1]
        claims = jwt.decode(token, _KEY, algorithms=["HS256"])
        return User(pk=claims["sub"]), claims


class Minimal(Bare):
    authentication_classes = (SignatureOnly,)
    permission_classes = (IsAuthenticated,)


class WithAccessToken(Bare):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (IsAuthenticated,)


class MinimalRefresh(Bare):
    """One conditional UPDATE of one row, here of a user's name, and new tokens."""

    def post(self, request: Request) -> Response:
        claims = jwt.decode(request.data["refresh"], _KEY, algorithms=["HS256"])
        new = secrets.token_urlsafe(8)
        changed = User.objects.filter(pk=claims["sub"], first_name=claims["jti"])
        if not changed.update(first_name=new):
            return Response(status=401)
        return Response(_minimal_tokens(claims["sub"], new))


def _minimal_tokens(subject: str, jti: str) -> dict[str, str]:
    claims = {"sub": subject, "exp": int(time.time()) + 900}
    return {
        "access": jwt.encode(claims, _KEY),
        "refresh": jwt.encode({**claims, "jti": jti}, _KEY),
    }


urlpatterns = [
    path("bare/", Bare.as_view()),
    path("minimal/", Minimal.as_view()),
    path("package/", WithAccessToken.as_view()),
    path("minimal-refresh/", MinimalRefresh.as_view()),
    path("auth/", include("refresh_sessions.urls")),
]


def requests() -> dict[str, Callable[[], int]]:
    """Authenticated requests."""
    user = get_user_model().objects.create_user("requests")
    access = start_session(user).access
    minimal = _minimal_tokens(str(user.pk), "x")["access"]
    client = Client()

    def call(path: str, token: str) -> Callable[[], int]:
        headers = {"authorization": f"Bearer {token}"}
        return lambda: int(client.get(path, headers=headers).status_code)

    return {
        "bare": call("/bare/", ""),
        "minimal": call("/minimal/", minimal),
        "refresh_sessions": call("/package/", access),
    }


def refreshes() -> dict[str, Callable[[], int]]:
    """Refreshes, each with the token of the previous one."""
    user = get_user_model().objects.create_user("refreshes", first_name="x")
    client = Client()

    def call(path: str, token: str) -> Callable[[], int]:
        stored = {"refresh": token}

        def refresh() -> int:
            answer = post(client, path, stored)
            stored["refresh"] = answer.json()["refresh"]
            return int(answer.status_code)

        return refresh

    return {
        "minimal": call("/minimal-refresh/", _minimal_tokens(str(user.pk), "x")["refresh"]),
        "refresh_sessions": call("/auth/refresh/", str(start_session(user).refresh)),
    }
