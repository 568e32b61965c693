"""Logins and refreshes at clock changes, on a connection with such a time zone.

The test sets the database's own clock, so that the SQL of ``DatabaseNow`` runs as in production.
"""

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from refresh_sessions import sessions
from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import SessionExpiredError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sql import plans
from tests.clock import compile_again
from tests.domain.client_actions import call, companion_request, refused
from tests.factories import PASSWORD, make_pair

pytestmark = pytest.mark.django_db

AUTUMN = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
"""In New York the hour from one to two occurs twice, from 05:00 and from 06:00 UTC on."""
SPRING = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)
"""The hour from two to three is skipped at 07:00 UTC."""
STEPS = [start + timedelta(minutes=30 * step) for start in (AUTUMN, SPRING) for step in range(7)]


class ServerClock:
    """The clock of the database server and of Python."""

    def __init__(self, traveller):
        self._traveller = traveller
        self.now = None

    def set(self, now):
        self.now = now
        self._traveller.move_to(now)
        compile_again()
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TIMESTAMP = %s", [now.timestamp()])

    def move(self, by):
        self.set(self.now + by)

    def strftime(self, form, *modifiers):
        """SQLite's function, with another instant for "now"."""
        first, *others = modifiers
        if str(first).lower() == "now" and self.now is not None:
            first = self.now.strftime("%Y-%m-%d %H:%M:%S.%f")
        marks = ", ".join("?" * (2 + len(others)))
        with closing(sqlite3.connect(":memory:")) as builtin:
            select = f"SELECT strftime({marks})"
            return builtin.execute(select, [form, first, *others]).fetchone()[0]

    @property
    def as_postgresql(self):
        """PostgreSQL stores instants, so a literal can replace its clock."""

        def compile_literal(expression, compiler, connection, **context):
            return f"TIMESTAMPTZ '{self.now.isoformat()}'", ()

        return compile_literal


@contextmanager
def in_zone(name):
    """Set the connection as ``DATABASES["default"]["TIME_ZONE"]`` does."""

    def change(zone):
        connection.settings_dict["TIME_ZONE"] = zone
        for cached in ("timezone", "timezone_name"):
            connection.__dict__.pop(cached, None)
        connection.ensure_timezone()

    before = connection.settings_dict["TIME_ZONE"]
    change(name)
    try:
        yield
    finally:
        change(before)


@pytest.fixture(params=["America/New_York", "Australia/Lord_Howe", None])
def server_clock(db, request):
    with time_machine.travel(AUTUMN, tick=False) as traveller, in_zone(request.param):
        clock = ServerClock(traveller)
        if connection.vendor == "sqlite":
            connection.connection.create_function("STRFTIME", -1, clock.strftime)
        with (
            mock.patch.object(DatabaseNow, "as_postgresql", clock.as_postgresql),
            mock.patch.object(plans, "_PLANS", {}),
        ):
            yield clock
        clock.now = None
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TIMESTAMP = DEFAULT")


def instant(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("now", STEPS, ids=str)
def test_login_at_a_clock_change_answers_valid_tokens(server_clock, user, now):
    server_clock.set(now)
    client = APIClient()
    body = {"username": user.get_username(), "password": PASSWORD}
    answer = client.post("/auth/login/", body, "json").json()
    assert instant(answer["access_expires_at"]) == now + timedelta(minutes=15)
    headers = {"authorization": f"Bearer {answer['access']}"}
    assert client.get("/auth/sessions/", headers=headers).status_code == 200
    server_clock.move(timedelta(minutes=14))
    assert client.get("/auth/sessions/", headers=headers).status_code == 200
    server_clock.move(timedelta(minutes=2))
    assert client.get("/auth/sessions/", headers=headers).status_code == 401
    refreshed = client.post("/auth/refresh/", {"refresh": answer["refresh"]}, "json").json()
    assert instant(refreshed["access_expires_at"]) == now + timedelta(minutes=31)


@pytest.mark.parametrize("now", STEPS, ids=str)
def test_rows_written_at_a_clock_change_round_trip(server_clock, user, now):
    server_clock.set(now)
    pair = make_pair(user)
    stored = DeviceSession.objects.get(pk=pair.session.pk)
    assert stored.created_at == now
    assert stored.expires_at - now == timedelta(days=7)
    server_clock.move(timedelta(seconds=20))
    pair = sessions.refresh_session(pair.refresh)
    family = TokenFamily.objects.with_owner().get(pk=pair.family.pk)
    assert family.rotated_at == family.now == server_clock.now
    sessions.revoke_session(pair.session, reason="admin")
    assert DeviceSession.objects.get().revoked_at == server_clock.now
    times = SessionEvent.objects.order_by("pk").values_list("created_at", flat=True)
    assert (times[0], times.reverse()[0]) == (now, server_clock.now)
    ended = DeviceSession.objects.filter(
        revoked_at__gt=server_clock.now - timedelta(seconds=1),
        revoked_at__lt=server_clock.now + timedelta(seconds=1),
    )
    assert ended.exists()


@pytest.mark.parametrize("now", STEPS, ids=str)
def test_short_session_keeps_lifetime_across_a_clock_change(server_clock, user, options, now):
    options(REFRESH_TOKEN_LIFETIME=timedelta(minutes=40), SESSION_LIFETIME=timedelta(minutes=70))
    server_clock.set(now)
    pair = make_pair(user)
    for _ in range(2):
        server_clock.move(timedelta(minutes=30))
        assert DeviceSession.objects.active().count() == 1
        pair = sessions.refresh_session(pair.refresh)
        assert call(pair) == "ok"
    server_clock.move(timedelta(minutes=11))
    assert DeviceSession.objects.active().count() == 0
    with pytest.raises(SessionExpiredError):
        sessions.refresh_session(pair.refresh)


@pytest.mark.parametrize("now", STEPS, ids=str)
def test_sibling_refresh_at_a_clock_change_is_not_reuse(server_clock, user, now):
    server_clock.set(now)
    first = make_pair(user)
    server_clock.move(timedelta(minutes=5))
    second = sessions.refresh_session(first.refresh, request=companion_request(first))
    server_clock.move(timedelta(seconds=5))
    assert sessions.refresh_session(first.refresh, request=companion_request(first)).repeated
    server_clock.move(timedelta(seconds=61))
    assert call(second) == "ok"
    assert refused(first.refresh) == "session_revoked"
    assert DeviceSession.objects.get().revoked_reason == "reuse"
