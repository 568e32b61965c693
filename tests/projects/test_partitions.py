"""The tables in hash partitions, as the migration in docs/scale.md makes them."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.state import ProjectState
from django.test import Client
from django.urls import reverse

from refresh_sessions import sessions
from refresh_sessions.events import prune_events
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from tests.admin.pages import LIST, PREFIX
from tests.domain.client_actions import AFTER_OVERLAP, kinds, refused, rotated, session_of
from tests.factories import PASSWORD, make_pair
from tests.partitioning import read_operation
from tests.pruning.builders import NOW, cascading, exists, long_expired

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="partitions of PostgreSQL"),
    pytest.mark.django_db,
]

MODELS = (DeviceSession, TokenFamily, SessionEvent)

_CATALOGUE = {
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferred
        FROM pg_constraint WHERE conparentid = 0 AND conrelid::regclass::text = ANY(%s)
    """,
    "indexes": """
        SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ')
        FROM pg_indexes WHERE tablename = ANY(%s)
    """,
    "columns": """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
            ordinal_position, column_name = 'id' OR column_default IS NULL, is_identity
        FROM information_schema.columns WHERE table_name = ANY(%s)
    """,
    "kinds": "SELECT relname, relkind FROM pg_class WHERE relname = ANY(%s)",
}


def read_catalogue():
    """Read constraints, indexes and columns of the three tables."""
    tables = [model._meta.db_table for model in MODELS]
    found = {}
    with connection.cursor() as cursor:
        for name, statement in _CATALOGUE.items():
            cursor.execute(statement, [tables])
            found[name] = set(cursor.fetchall())
    return found


@pytest.fixture
def operation(tmp_path):
    """The operation of the documented migration."""
    return read_operation(tmp_path)


@pytest.fixture
def forwards(operation):
    """Return a function that applies the migration."""

    def apply():
        _settle()
        with connection.schema_editor() as editor:
            operation.database_forwards("project", editor, ProjectState(), ProjectState())

    return apply


@pytest.fixture
def backwards(operation):
    """Return a function that reverses the migration."""

    def apply():
        _settle()
        with connection.schema_editor() as editor:
            operation.database_backwards("project", editor, ProjectState(), ProjectState())

    return apply


def _settle():
    # The transaction of the test has deferred checks, which a migration never has.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def _partitioned(forwards):
    forwards()


class TestMigration:
    def test_migration_keeps_rows_constraints_and_indexes(self, forwards, backwards):
        pairs = [make_pair() for _ in range(20)]
        rows = [list(model.objects.order_by("pk").values()) for model in MODELS]
        before = read_catalogue()
        forwards()
        partitioned = read_catalogue()
        assert {kind for _, kind in partitioned["kinds"]} == {"p"}
        assert [list(model.objects.order_by("pk").values()) for model in MODELS] == rows
        # All that differs is the primary key of events, and how their ids are counted.
        key = "refresh_sessions_sessionevent_pkey"
        for name in ("constraints", "indexes"):
            changed = before[name] ^ partitioned[name]
            assert {key in row for row in changed} == {True}, name
            assert len(changed) == 2, name
        changed = before["columns"] ^ partitioned["columns"]
        assert {row[:2] for row in changed} == {("refresh_sessions_sessionevent", "id")}
        for pair in pairs:
            sessions.refresh_session(pair.refresh)
        assert SessionEvent.objects.values("pk").distinct().count() == 20

        backwards()
        assert read_catalogue() == before
        make_pair()
        assert SessionEvent.objects.values("pk").distinct().count() == 21

    def test_migration_of_empty_tables_numbers_events_from_one(self, forwards):
        forwards()
        pair = make_pair()
        assert SessionEvent.objects.get(session=pair.session.pk).pk == 1

    def test_migration_can_be_repeated_with_another_number(self, forwards, operation):
        make_pair()
        forwards()
        before = read_catalogue()
        operation.sql = operation.sql.replace("', 8,", "', 3,")
        forwards()
        assert read_catalogue() == before
        assert count_partitions(TokenFamily) == 3
        assert DeviceSession.objects.count() == 1


def count_partitions(model):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass",
            [model._meta.db_table],
        )
        return cursor.fetchone()[0]


@pytest.mark.usefixtures("_partitioned")
class TestOperations:
    def test_rows_are_spread_over_partitions(self):
        for _ in range(40):
            make_pair()
        for model in MODELS:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT count(DISTINCT tableoid) FROM {model._meta.db_table}"  # noqa: S608
                )
                assert cursor.fetchone()[0] > 4

    def test_login_refresh_request_and_logout(self, client, bearer, user):
        body = {"username": user.get_username(), "password": PASSWORD}
        tokens = client.post(reverse("refresh_sessions:login"), body, format="json").json()
        tokens = client.post(reverse("refresh_sessions:refresh"), tokens, format="json").json()
        listed = client.get(
            reverse("refresh_sessions:session-list"), headers=bearer(tokens["access"])
        )
        assert len(listed.json()) == 1
        logout = client.post(reverse("refresh_sessions:logout"), tokens, format="json")
        assert logout.status_code == 204
        session = DeviceSession.objects.get()
        assert session.revoked_reason == "logout"
        assert [event.kind for event in session.events.order_by("pk")] == [
            "signed_in",
            "signed_out",
        ]

    def test_reuse_is_detected(self, clock):
        first = make_pair()
        newest = rotated(first, clock, times=3)
        clock.move(AFTER_OVERLAP)
        assert refused(first.refresh) == "session_revoked"
        assert refused(newest.refresh) == "session_revoked"
        assert session_of(first).revoked_reason == "reuse"
        assert kinds(first)[-1] == "reuse_detected"

    def test_user_sessions_are_revoked(self, user):
        kept, *others = [make_pair(user) for _ in range(12)]
        make_pair()
        assert sessions.revoke_user_sessions(user, reason="admin", keep=kept.session) == 11
        assert DeviceSession.objects.active().count() == 2
        assert all(kinds(pair)[-1] == "revoked" for pair in others)

    def test_session_limit_revokes_oldest(self, user, options, clock):
        options(MAX_SESSIONS_PER_USER=3)
        pairs = []
        for _ in range(5):
            pairs.append(make_pair(user))
            clock.move(timedelta(seconds=1))
        ended = [session_of(pair).revoked_reason for pair in pairs]
        assert ended == ["session_limit"] * 2 + [""] * 3

    @pytest.mark.parametrize("receivers", [False, True])
    def test_prune_deletes_expired_sessions(self, receivers):
        long_expired(50)
        pair = make_pair()
        if receivers:
            with cascading():
                assert sessions.prune_sessions(batch_size=20) == 50
        else:
            assert sessions.prune_sessions(batch_size=20) == 50
        assert exists(pair)
        assert [model.objects.count() for model in MODELS] == [1, 1, 1]

    def test_prune_deletes_old_events(self):
        long_expired(20)
        assert prune_events(older_than=NOW, batch_size=7) == 40
        assert DeviceSession.objects.count() == 20

    def test_prune_revokes_sessions_of_inactive_user(self, user):
        make_pair(user)
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        call_command("prune_refresh_sessions", verbosity=0)
        assert DeviceSession.objects.get().revoked_reason == "user_inactive"

    def test_deletion_of_user_deletes_rows(self, user):
        make_pair(user)
        stays = make_pair()
        user.delete()
        _settle()
        assert DeviceSession.objects.get().pk == stays.session.pk
        assert [model.objects.count() for model in MODELS] == [1, 1, 1]

    @pytest.mark.parametrize("model", [TokenFamily, SessionEvent])
    def test_foreign_keys_are_checked(self, model):
        make_pair()
        _settle()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(session=uuid4())

    def test_admin_lists_sessions_and_events(self, admin_client: Client):
        pairs = [make_pair(name=f"Phone {number}") for number in range(12)]
        found = admin_client.get(reverse(LIST))
        listed = [session.pk for session in found.context["cl"].result_list]
        assert listed == [pair.session.pk for pair in reversed(pairs)]
        found = admin_client.get(reverse(LIST, query={"q": "phone 7"}))
        assert found.context["cl"].result_count == 1
        page = reverse(f"{PREFIX}_change", args=[pairs[0].session.pk])
        assert admin_client.get(page).status_code == 200
        events = admin_client.get(reverse("admin:refresh_sessions_sessionevent_changelist"))
        assert events.context["cl"].result_count == 12


@pytest.mark.usefixtures("_partitioned")
def test_refresh_reads_one_partition():
    family = make_pair().family
    plan = TokenFamily.objects.filter(pk=family.pk).explain()
    assert len(set(re.findall(r"refresh_sessions_tokenfamily_8_\d\b", plan))) == 1
    # Control: by session, all partitions are searched.
    plan = TokenFamily.objects.filter(session=family.session_id).explain()
    assert len(set(re.findall(r"on refresh_sessions_tokenfamily_8_(\d)\b", plan))) == 8
