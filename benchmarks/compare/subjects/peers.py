"""Peers with endpoints for Django REST framework: simplejwt."""

from __future__ import annotations

from typing import Any

from benchmarks.compare.calls import Call, Tokens, post_json
from benchmarks.compare.subjects.base import PASSWORD, Subject


class SimpleJWT(Subject):
    """Its defaults: a refresh token is valid until it expires, and no row records it."""

    name = "simplejwt"
    title = "simplejwt"
    distribution = "djangorestframework-simplejwt"
    apps = ("rest_framework_simplejwt",)
    authentication = "rest_framework_simplejwt.authentication.JWTAuthentication"

    def urlpatterns(self) -> list[Any]:
        from django.urls import path
        from rest_framework_simplejwt import views

        return [
            path("token/", views.TokenObtainPairView.as_view()),
            path("token/refresh/", views.TokenRefreshView.as_view()),
            path("token/blacklist/", views.TokenBlacklistView.as_view()),
        ]

    def login(self, username: str) -> Call:
        return post_json("/token/", {"username": username, "password": PASSWORD})

    def refresh(self, tokens: Tokens) -> Call | None:
        return post_json("/token/refresh/", {"refresh": tokens.refresh})


class SimpleJWTBlacklist(SimpleJWT):
    """Rotation, with a blacklist of used refresh tokens."""

    name = "simplejwt-blacklist"
    title = "simplejwt, rotation and blacklist"
    apps = ("rest_framework_simplejwt", "rest_framework_simplejwt.token_blacklist")
    settings = {  # noqa: RUF012  (a class attribute of the base)
        "SIMPLE_JWT": {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}
    }

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/token/blacklist/", {"refresh": tokens.refresh})
