"""The operations of ``benchmarks.scale``, each on random live sessions of a filled database."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import include, path, reverse
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from refresh_sessions.bulk_delete import BulkDeletion
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.sessions import TokenPair, revoke_user_sessions
from refresh_sessions.sessions.issue import issue_pair
from refresh_sessions.tokens.refresh_tokens import derive_secret

PASSWORD: Final = "a password of the benchmark"  # noqa: S105
PRUNED: Final = 200
"""Sessions of a measured batch."""
_OK: Final = 200


class RequestView(APIView):
    """A view with nothing but the check of the access token."""

    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
    path("request/", RequestView.as_view()),
]


class Operations:
    """The operations on one database, which must be the current one of the router."""

    def __init__(self, *, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.client = Client()
        users = get_user_model().objects
        self.staff = users.filter(is_superuser=True).first() or users.create_superuser("staff")
        self.admin = Client()
        self.admin.force_login(self.staff)
        keys = users.filter(is_superuser=False).order_by("pk").values_list("pk", flat=True)
        first, last = keys[0], keys.reverse()[0]
        # The first users have many sessions, and more of them in a larger table.
        self.users = range(first + (last - first) // 4, last)
        self.names = [self._prepare_login() for _ in range(200)]

    def named(self) -> dict[str, Callable[[], Callable[[], object]]]:
        """Functions by name of operation, which prepare the next call and return it."""
        return {
            "request": self.request,
            "refresh": self.refresh,
            "login": self.log_in,
            "own sessions": self.list_own,
            "revoke user": self.revoke_user,
            "admin list": self.list_admin_cached,
            "admin list, empty cache": self.list_admin_uncached,
            "admin search, user": lambda: self.list_admin(q=f"person{self._user_number()}"),
            "admin search, device": lambda: self.list_admin(q="iPhone"),
            "admin search, address": lambda: self.list_admin(q="203.0.113.7"),
            "prune a batch": self.prune,
        }

    def request(self) -> Callable[[], object]:
        return self._get(self.client, "/request/", self._pair().access)

    def refresh(self) -> Callable[[], object]:
        return self._post("/auth/refresh/", {"refresh": str(self._pair().refresh)})

    def log_in(self) -> Callable[[], object]:
        name = self.random.choice(self.names)
        return self._post("/auth/login/", {"username": name, "password": PASSWORD})

    def list_own(self) -> Callable[[], object]:
        return self._get(self.client, "/auth/sessions/", self._pair().access)

    def revoke_user(self) -> Callable[[], object]:
        user = self._pair(revoked=True).session.user
        return lambda: revoke_user_sessions(user, reason="admin")

    def list_admin(self, **query: str) -> Callable[[], object]:
        address = reverse("admin:refresh_sessions_devicesession_changelist", query=query)
        return self._get(self.admin, address)

    def list_admin_cached(self) -> Callable[[], object]:
        call = self.list_admin()
        call()
        return call

    def list_admin_uncached(self) -> Callable[[], object]:
        cache.clear()
        return self.list_admin()

    def prune(self) -> Callable[[], object]:
        oldest = DeviceSession.objects.order_by("expires_at").values_list("expires_at", flat=True)
        rows = DeviceSession.objects.filter(expires_at__lte=oldest[PRUNED - 1])
        children: dict[Any, str] = {SessionEvent: "session", TokenFamily: "session"}
        deletion = BulkDeletion(rows=rows, oldest_by="expires_at", children=children)
        return lambda: deletion.execute(batch_size=PRUNED)

    def _get(self, client: Client, address: str, token: str = "") -> Callable[[], object]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return lambda: _check(client.get(address, headers=headers))

    def _post(self, address: str, body: dict[str, str]) -> Callable[[], object]:
        text = json.dumps(body)
        send = self.client.post
        return lambda: _check(send(address, text, content_type="application/json"))

    def _pair(self, *, revoked: bool = False) -> TokenPair:
        """The tokens of a random live session, whose rows are read.

        Users with an odd key are for revocations, so that those end no session of another call.
        """
        found = (self._find_family(int(revoked)) for _ in itertools.count())
        family = next(filter(None, found))
        secret = derive_secret(family.secret_digest)
        return issue_pair(family, secret=secret, now=timezone.now(), request=None)

    def _find_family(self, remainder: int) -> TokenFamily | None:
        user = self.random.choice(self.users) // 2 * 2 + remainder
        now = timezone.now()
        return (
            TokenFamily.objects.select_related("session__user")
            .filter(session__user=user, session__revoked_at=None, session__expires_at__gt=now)
            # The benchmark changed the password of the users that log in.
            .filter(session__user__password="!")  # noqa: S106
            .first()
        )

    def _user_number(self) -> int:
        return self.random.choice(self.users) - self.users.start + 1

    def _prepare_login(self) -> str:
        user = get_user_model().objects.get(pk=self.random.choice(self.users))
        user.set_password(PASSWORD)
        get_user_model().objects.filter(pk=user.pk).update(password=user.password)
        return user.get_username()


def _check(response: Any) -> None:
    if response.status_code != _OK:
        raise SystemExit(f"{response.status_code}: {response.content[:200]!r}")
