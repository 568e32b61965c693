"""The baseline, and this package with each way to check an access token."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from benchmarks.compare.calls import Call, Tokens, bearer, get, post_json
from benchmarks.compare.subjects.base import BATCH, LONG_AGO, PASSWORD, Subject

REDIS_URL_VARIABLE: Final = "REFRESH_SESSIONS_REDIS_URL"


class Baseline(Subject):
    """The least that views of Django REST framework can do. It detects no reuse."""

    name = "baseline"
    title = "baseline"
    notes = "`PyJWT`, one conditional UPDATE per refresh and per logout. No package."

    def urlpatterns(self) -> list[Any]:
        """None of its own: each process mounts the views of the baseline."""
        return []

    def version(self) -> str:
        return ""

    def started(self, tokens: Sequence[Tokens]) -> None:
        """Insert the rows of the refresh: the login of the baseline writes none."""
        from benchmarks.compare.models import BaselineSession

        BaselineSession.objects.bulk_create(
            BaselineSession(id=UUID(token.other["id"]), jti=token.other["jti"]) for token in tokens
        )

    def login(self, username: str) -> Call:
        return post_json("/baseline/login/", {"username": username, "password": PASSWORD})

    def read_login(self, answer: Any) -> Tokens:
        from benchmarks.compare.views import decode

        data = answer.json()
        claims = decode(data["refresh"])
        names = {"id": claims["sid"], "jti": claims["jti"]}
        return Tokens(data["access"], data["refresh"], names)

    def request(self, tokens: Tokens) -> Call:
        return get("/baseline/protected/", bearer(tokens.access))

    def refresh(self, tokens: Tokens) -> Call | None:
        return post_json("/baseline/refresh/", {"refresh": tokens.refresh})

    def logout(self, tokens: Tokens) -> Call | None:
        return post_json("/baseline/logout/", {"refresh": tokens.refresh})


class RefreshSessions(Subject):
    """Base of the subjects for this package."""

    apps = ("refresh_sessions",)
    authentication = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"
    check: ClassVar[str]

    def django_settings(self) -> Mapping[str, Any]:
        return {"REFRESH_SESSIONS": {"ACCESS_TOKEN_CHECK": self.check}}

    prune_command = "prune_refresh_sessions"

    def settings_for_refresh_chains(self) -> Mapping[str, Any]:
        """A second stands for the minutes between two refreshes.

        Each refresh rotates, and the request after it is evidence that the client has the token.
        The throttle allows 30 refreshes a minute.
        """
        from django.conf import settings

        rates = {"session-refresh": None}
        times = {"ROTATION_OVERLAP": timedelta(0), "CONFIRM_DELIVERY_AFTER": timedelta(0)}
        return {
            "REFRESH_SESSIONS": {**settings.REFRESH_SESSIONS, **times},  # type: ignore[misc]
            "REST_FRAMEWORK": {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates},
        }

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

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        """A refresh adds no rows. The events are those of a login and a logout."""
        from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily

        sessions = DeviceSession.objects.bulk_create(
            (
                DeviceSession(
                    user_id=user, created_at=LONG_AGO, expires_at=LONG_AGO, auth_hash="0" * 64
                )
                for user in users
            ),
            batch_size=BATCH,
        )
        TokenFamily.objects.bulk_create(
            (
                TokenFamily(session=row, secret_digest="0" * 64, idle_expires_at=LONG_AGO)
                for row in sessions
            ),
            batch_size=BATCH,
        )
        SessionEvent.objects.bulk_create(
            (
                SessionEvent(session=row, kind=kind, created_at=LONG_AGO)
                for row in sessions
                for kind in ("signed_in", "signed_out")
            ),
            batch_size=BATCH,
        )


class CheckSession(RefreshSessions):
    name = "ours-session"
    title = "this package, `session`"
    notes = "Its defaults: each request reads the session. Throttles and session events are on."
    check = "session"


class CheckCache(RefreshSessions):
    """The cache is Redis if there is a server, otherwise the memory of the process."""

    name = "ours-cache"
    title = "this package, `cache`"
    notes = (
        '`ACCESS_TOKEN_CHECK = "cache"`: a request reads the cache, '
        "and the database once a minute."
    )
    check = "cache"

    def django_settings(self) -> Mapping[str, Any]:
        local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        redis_url = os.environ.get(REDIS_URL_VARIABLE)
        redis = {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            # Other runs use the same server.
            "KEY_PREFIX": f"compare-{os.getpid()}",
        }
        access = redis if redis_url else {**local, "LOCATION": "access"}
        return {
            # The throttles count in "default", as with the other checks.
            "CACHES": {"default": local, "access": access},
            "REFRESH_SESSIONS": {"ACCESS_TOKEN_CHECK": self.check, "CACHE_ALIAS": "access"},
        }


class CheckStateless(RefreshSessions):
    name = "ours-stateless"
    title = "this package, `stateless`"
    notes = '`ACCESS_TOKEN_CHECK = "stateless"`: a request reads nothing.'
    check = "stateless"
