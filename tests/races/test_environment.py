"""The environment of the races: database, isolation level, triggers."""

import os

import pytest
from django.db import DatabaseError, connection
from django.db.models import F

from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.databases import ISOLATION
from tests.factories import make_pair

pytestmark = pytest.mark.django_db(transaction=True)


def test_database_is_database_of_run():
    """A run for a server must not fall back to SQLite."""
    vendors = {"sqlite": "sqlite", "postgres": "postgresql", "mariadb": "mysql"}
    assert connection.vendor == vendors[os.environ.get("REFRESH_SESSIONS_TEST_DATABASE", "sqlite")]


def isolation_level():
    if connection.vendor == "sqlite":
        return ask("PRAGMA journal_mode")[0]
    if connection.vendor == "postgresql":
        return ask("SHOW transaction_isolation")[0]
    level = ask("SELECT @@tx_isolation")[0].replace("-", " ").lower()
    # At lower isolation levels the variable has no effect.
    if level == "repeatable read" and ask("SELECT @@innodb_snapshot_isolation")[0]:
        return "repeatable read, snapshot"
    return level


def ask(question):
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()


def test_isolation_level_is_level_of_run():
    default = "wal" if connection.vendor == "sqlite" else "read committed"
    levels = {
        None: default,
        "read-committed": "read committed",
        "repeatable-read": "repeatable read",
        "serializable": "serializable",
        "snapshot": "repeatable read, snapshot",
    }
    assert isolation_level() == levels[ISOLATION]


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (DeviceSession, {"expires_at": DatabaseNow()}),
        (DeviceSession, {"revoked_at": None}),
        (DeviceSession, {"revoked_at": F("created_at")}),
        (DeviceSession, {"revoked_reason": "another"}),
        (TokenFamily, {"closed_at": None}),
        (TokenFamily, {"closed_at": F("idle_expires_at")}),
        (TokenFamily, {"generation": F("generation") - 1}),
        (TokenFamily, {"rotated_at": DatabaseNow()}),
    ],
)
def test_trigger_forbidden_update_is_rejected(model, change):
    pair = make_pair()
    refresh_session(pair.refresh)
    revoke_session(pair.session, reason="admin")
    TokenFamily.objects.update(closed_at=DatabaseNow())
    before = model.objects.values().get()
    with pytest.raises(DatabaseError, match="guard_"):
        model.objects.update(**change)
    assert model.objects.values().get() == before
