"""Tokens of simplejwt and knox, and Django's own sessions."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from benchmarks.compare.calls import HOST, Answer, Call, Tokens, get, post_json
from benchmarks.compare.subjects.base import BATCH, LONG_AGO, PASSWORD, Subject


class SimpleJWT(Subject):
    name = "simplejwt"
    title = "simplejwt"
    notes = "Its defaults. The refresh token is the same until it expires; nothing is stored."
    distribution = "djangorestframework-simplejwt"
    apps: ClassVar[Sequence[str]] = ("rest_framework_simplejwt",)
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
    name = "simplejwt-blacklist"
    title = "simplejwt, rotation and blacklist"
    notes = (
        "`ROTATE_REFRESH_TOKENS` and `BLACKLIST_AFTER_ROTATION`, with the app of the blacklist."
    )
    apps = ("rest_framework_simplejwt", "rest_framework_simplejwt.token_blacklist")
    settings: ClassVar[Mapping[str, Any]] = {
        "SIMPLE_JWT": {"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True}
    }
    prune_command = "flushexpiredtokens"

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/token/blacklist/", {"refresh": tokens.refresh})

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        from rest_framework_simplejwt.token_blacklist import models
        from rest_framework_simplejwt.tokens import RefreshToken

        token = str(RefreshToken())
        # Without types: the project of the type checker does not have the app.
        outstanding_token: Any = models.OutstandingToken
        blacklisted_token: Any = models.BlacklistedToken
        outstanding = outstanding_token.objects.bulk_create(
            (
                outstanding_token(
                    user_id=user,
                    jti=secrets.token_hex(16),
                    token=token,
                    created_at=LONG_AGO,
                    expires_at=LONG_AGO,
                )
                for user in users
                for _ in range(refreshes + 1)
            ),
            batch_size=BATCH,
        )
        used = (row for number, row in enumerate(outstanding) if number % (refreshes + 1))
        blacklisted_token.objects.bulk_create(
            (blacklisted_token(token=row) for row in used), batch_size=BATCH
        )


class Knox(Subject):
    name = "knox"
    title = "knox"
    notes = (
        "Its defaults, with the login by `BasicAuthentication` of its documentation. It has one "
        "opaque token and no refresh; expired tokens are deleted when their user calls the API."
    )
    distribution = "django-rest-knox"
    apps = ("knox",)
    authentication = "knox.auth.TokenAuthentication"

    def urlpatterns(self) -> list[Any]:
        from django.urls import path
        from knox import views
        from rest_framework.authentication import BasicAuthentication

        login = views.LoginView.as_view(authentication_classes=[BasicAuthentication])
        return [path("login/", login), path("logout/", views.LogoutView.as_view())]

    def login(self, username: str) -> Call:
        credentials = base64.b64encode(f"{username}:{PASSWORD}".encode()).decode()
        return post_json("/login/", {}, {"Authorization": f"Basic {credentials}"})

    def read_login(self, answer: Answer) -> Tokens:
        return Tokens(answer.json()["token"])

    def request(self, tokens: Tokens) -> Call:
        return get("/protected/", {"Authorization": f"Token {tokens.access}"})

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/logout/", {}, {"Authorization": f"Token {tokens.access}"})


class DjangoSessions(Subject):
    name = "django-sessions"
    title = "Django's sessions"
    notes = (
        "Sessions in the database, `SessionAuthentication` of REST framework, and two views that "
        "call `login()` and `logout()` of Django. A cookie has no refresh."
    )
    apps = ("django.contrib.sessions",)
    middleware = (
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    )
    authentication = "rest_framework.authentication.SessionAuthentication"
    prune_command = "clearsessions"

    def urlpatterns(self) -> list[Any]:
        from django.urls import path

        from benchmarks.compare import views

        return [
            path("login/", views.SessionLoginView.as_view()),
            path("logout/", views.SessionLogoutView.as_view()),
        ]

    def login(self, username: str) -> Call:
        return post_json("/login/", {"username": username, "password": PASSWORD})

    def read_login(self, answer: Answer) -> Tokens:
        cookies = answer.cookies()
        return Tokens(cookies["sessionid"], other={"csrftoken": cookies["csrftoken"]})

    def request(self, tokens: Tokens) -> Call:
        return get("/protected/", {"Cookie": f"sessionid={tokens.access}"})

    def logout(self, tokens: Tokens) -> Call | None:
        csrf_token = tokens.other["csrftoken"]
        headers = {
            "Cookie": f"sessionid={tokens.access}; csrftoken={csrf_token}",
            "X-CSRFToken": csrf_token,
            "Origin": f"https://{HOST}",
        }
        return post_json("/logout/", {}, headers)

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        add_expired_django_sessions(users)


def add_expired_django_sessions(users: Sequence[int]) -> None:
    """Insert one expired session of Django per user."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session

    def rows() -> Iterator[Session]:
        store = SessionStore()
        for user in users:
            data = store.encode({"_auth_user_id": str(user), "_auth_user_hash": "0" * 64})
            key = secrets.token_hex(16)
            yield Session(session_key=key, session_data=data, expire_date=LONG_AGO)

    Session.objects.bulk_create(rows(), batch_size=BATCH)
