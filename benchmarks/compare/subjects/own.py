"""The floor, and this package with each way to check an access token."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from benchmarks.compare.calls import Call, Tokens, bearer, get, post_json
from benchmarks.compare.subjects.base import PASSWORD, Subject

REDIS_URL_VARIABLE: Final = "REFRESH_SESSIONS_REDIS_URL"


class Floor(Subject):
    """The least that views of Django REST framework can do. It detects no reuse."""

    name = "floor"
    title = "floor"

    def urlpatterns(self) -> list[Any]:
        """None of its own: each process mounts the views of the floor."""
        return []

    def version(self) -> str:
        return ""

    def started(self, tokens: Sequence[Tokens]) -> None:
        """Insert the rows of the refresh: the login of the floor writes none."""
        from benchmarks.compare.models import FloorSession

        FloorSession.objects.bulk_create(
            FloorSession(id=UUID(token.other["id"]), jti=token.other["jti"]) for token in tokens
        )

    def login(self, username: str) -> Call:
        return post_json("/floor/login/", {"username": username, "password": PASSWORD})

    def read_login(self, answer: Any) -> Tokens:
        from benchmarks.compare.floor import decode

        data = answer.json()
        claims = decode(data["refresh"])
        names = {"id": claims["sid"], "jti": claims["jti"]}
        return Tokens(data["access"], data["refresh"], names)

    def request(self, tokens: Tokens) -> Call:
        return get("/floor/protected/", bearer(tokens.access))

    def refresh(self, tokens: Tokens) -> Call | None:
        return post_json("/floor/refresh/", {"refresh": tokens.refresh})

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/floor/logout/", {"refresh": tokens.refresh})


class RefreshSessions(Subject):
    """This package with its defaults: throttles, events and the detection of reuse are on."""

    apps = ("refresh_sessions",)
    authentication = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"
    check: ClassVar[str]

    def django_settings(self) -> Mapping[str, Any]:
        return {"REFRESH_SESSIONS": {"ACCESS_TOKEN_CHECK": self.check}}

    def version(self) -> str:
        from refresh_sessions import __version__

        return f"django-refresh-sessions {__version__}"

    def urlpatterns(self) -> list[Any]:
        from django.urls import include, path

        return [path("auth/", include("refresh_sessions.urls"))]

    def login(self, username: str) -> Call:
        return post_json("/auth/login/", {"username": username, "password": PASSWORD})

    def refresh(self, tokens: Tokens) -> Call | None:
        return post_json("/auth/refresh/", {"refresh": tokens.refresh})

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/auth/logout/", {"refresh": tokens.refresh})


class CheckSession(RefreshSessions):
    name = "ours-session"
    title = "this package, `session`"
    check = "session"


class CheckCache(RefreshSessions):
    """The cache is Redis if there is a server, otherwise the memory of the process."""

    name = "ours-cache"
    title = "this package, `cache`"
    check = "cache"

    def django_settings(self) -> Mapping[str, Any]:
        local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        redis_url = os.environ.get(REDIS_URL_VARIABLE)
        redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
        access = redis if redis_url else {**local, "LOCATION": "access"}
        return {
            # The throttles count in "default", as with the other checks.
            "CACHES": {"default": local, "access": access},
            "REFRESH_SESSIONS": {"ACCESS_TOKEN_CHECK": self.check, "CACHE_ALIAS": "access"},
        }


class CheckStateless(RefreshSessions):
    name = "ours-stateless"
    title = "this package, `stateless`"
    check = "stateless"
