"""Statements that are compiled once do what the querysets do."""

import gc
import threading
import weakref
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import Error, connection, connections, models, transaction
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.query import Query
from django.test.utils import CaptureQueriesContext

from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import InvalidTokenError, SessionRevokedError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import check_access_token, log_out, refresh_session
from refresh_sessions.sessions.queries import read_family
from refresh_sessions.sql import CompiledRow, CompiledSelect, CompiledUpdate, plans
from refresh_sessions.tokens import access_tokens, refresh_tokens
from tests.clock import compile_again
from tests.factories import claims_of, make_pair
from tests.listeners import heard
from tests.refusals import refuse_by_manager, set_refused


@pytest.fixture
def family(db, monkeypatch):
    """A family after a refresh, and no compiled statement."""
    pair = refresh_session(make_pair(name="Phone").refresh)
    TokenFamily.objects.update(last_ip_address="2001:db8::7")
    monkeypatch.setattr(plans, "_PLANS", plans._PLANS)
    compile_again()
    return TokenFamily.objects.get(pk=pair.family.pk)


@pytest.fixture
def compiled(monkeypatch):
    """The models of the querysets that Django compiles from now on."""
    seen = []
    as_sql = SQLCompiler.as_sql

    def record(self, *args, **kwargs):
        seen.append(self.query.model)
        return as_sql(self, *args, **kwargs)

    monkeypatch.setattr(SQLCompiler, "as_sql", record)
    return seen


def values(instance):
    return {
        field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields
    }


@contextmanager
def sql():
    """The SQL of the single statement in the block."""
    statements = []
    with CaptureQueriesContext(connection) as captured:
        yield statements
    statements += [query["sql"] for query in captured.captured_queries]
    assert len(statements) == 1


class TestSelect:
    def test_compiled_select_reads_what_the_queryset_reads(self, family):
        expected = TokenFamily.objects.with_owner().get(pk=family.pk)
        for _ in range(2):
            found = read_family(claims_of(family), using="default")
            assert values(found) == values(expected)
            assert values(found.session) == values(expected.session)
            assert values(found.session.user) == values(expected.session.user)
            assert type(found.session.user) is get_user_model()
            assert found.user_found is True
            assert abs(found.now - expected.now) < timedelta(minutes=1)
            assert found.now.utcoffset() == timedelta(0)

    def test_compiled_select_has_the_sql_of_the_queryset(self, family):
        with sql() as by_queryset:
            owned = TokenFamily.objects.with_owner()
            list(owned.filter(pk=family.pk, session=family.session_id))
        for _ in range(2):
            with sql() as statement:
                read_family(claims_of(family), using="default")
            assert statement == by_queryset

    def test_objects_of_compiled_select_are_saved_objects_of_their_database(self, family):
        found = read_family(claims_of(family), using="default")
        for instance in (found, found.session, found.session.user):
            assert instance._state.db == "default"
            assert not instance._state.adding
        with CaptureQueriesContext(connection) as captured:
            assert found.session.user.is_active
        assert not captured.captured_queries
        found.session.name = "Renamed"
        found.session.save(update_fields=["name"])
        assert DeviceSession.objects.get(pk=found.session_id).name == "Renamed"

    def test_select_is_compiled_once_for_all_keys(self, family, compiled):
        other = make_pair().family
        compiled.clear()
        assert read_family(claims_of(family), using="default").pk == family.pk
        assert compiled == [TokenFamily]
        assert read_family(claims_of(other), using="default").session_id == other.session_id
        assert read_family(claims_of(family), using="default").session_id == family.session_id
        assert compiled == [TokenFamily]

    def test_compiled_select_without_row_raises_does_not_exist(self, family):
        select = CompiledSelect(TokenFamily.objects.with_owner)
        for _ in range(2):
            with pytest.raises(TokenFamily.DoesNotExist):
                select.get(pk=uuid4(), using="default")

    def test_compiled_select_calls_signals_and_from_db_of_the_user_model(
        self, family, monkeypatch
    ):
        seen = []

        def from_db(cls, db, field_names, values, **options):
            seen.append((cls, db))
            return super(cls, cls).from_db(db, field_names, values, **options)

        def initialized(sender, **kwargs):
            seen.append(sender)

        read_family(claims_of(family), using="default")
        monkeypatch.setattr(get_user_model(), "from_db", classmethod(from_db))
        models.signals.post_init.connect(initialized, sender=DeviceSession)
        try:
            read_family(claims_of(family), using="default")
        finally:
            models.signals.post_init.disconnect(initialized, sender=DeviceSession)
        assert seen == [DeviceSession, (get_user_model(), "default")]

    def test_select_is_compiled_again_for_another_time_zone_support(
        self, family, settings, compiled
    ):
        read_family(claims_of(family), using="default")
        settings.USE_TZ = not settings.USE_TZ
        compiled.clear()
        read_family(claims_of(family), using="default")
        assert compiled == [TokenFamily]

    @pytest.mark.parametrize(
        ("is_key", "keys"), [(True, ["session_id", "user_id"]), (False, ["session_id"])]
    )
    def test_family_of_access_token_is_selected_by_all_keys_of_the_claims(
        self, db, options, is_key, keys
    ):
        options(USER_ID_FIELD="pk" if is_key else get_user_model().USERNAME_FIELD)
        pair = make_pair()
        claims = access_tokens.verify(pair.access)
        for _ in range(2):
            with sql() as statement:
                assert read_family(claims, using="default").pk == pair.family.pk
            condition = statement[0].partition("WHERE")[2]
            assert [name for name in ("session_id", "user_id") if name in condition] == keys

    def test_rows_that_contradict_the_claims_are_found(self, db):
        """A project may give a session to another user, as when it merges accounts."""
        pair, other = make_pair(), make_pair()
        claims = access_tokens.verify(pair.access)
        DeviceSession.objects.filter(pk=pair.session.pk).update(user=other.session.user)
        found = read_family(claims, using="default")
        assert (found.pk, found.session.user) == (pair.family.pk, other.session.user)
        with pytest.raises(InvalidTokenError):
            check_access_token(pair.access)
        TokenFamily.objects.filter(pk=pair.family.pk).update(session=other.session)
        assert read_family(claims, using="default").session_id == other.session.pk
        with pytest.raises(InvalidTokenError):
            check_access_token(pair.access)

    @pytest.mark.parametrize(
        "subject", ["", "x", "1" * 40, "\0", "\N{FULLWIDTH DIGIT ONE}", "None", "-1"]
    )
    def test_subject_that_is_no_key_of_the_rows_leaves_the_family(self, db, subject):
        pair = make_pair()
        claims = replace(access_tokens.verify(pair.access), subject=subject)
        assert read_family(claims, using="default").pk == pair.family.pk

    def test_deleted_family_of_access_token_is_a_revoked_session(self, db):
        pair = make_pair()
        pair.session.delete()
        with pytest.raises(SessionRevokedError):
            check_access_token(pair.access)

    def test_select_with_two_equal_keys_executes_the_queryset(self, family, caplog):
        """Their parameters cannot be told apart."""
        select = CompiledSelect(TokenFamily.objects.with_owner)
        with pytest.raises(TokenFamily.DoesNotExist):
            select.get(using="default", pk=family.pk, session=family.pk)
        assert "compiled for each execution" in caplog.text
        found = select.get(using="default", pk=family.pk, session=family.session_id)
        assert found.pk == family.pk

    def test_select_with_restricted_users_is_compiled_each_time(
        self, family, settings, monkeypatch, compiled
    ):
        """The restriction may depend on the request, so each SELECT asks for it."""
        set_refused(family.session.user)
        assert read_family(claims_of(family), using="default").user_found
        with monkeypatch.context() as restricted:
            refuse_by_manager(settings, None, restricted)
            compiled.clear()
            for _ in range(2):
                assert not read_family(claims_of(family), using="default").user_found
            assert compiled.count(TokenFamily) == 2
        assert read_family(claims_of(family), using="default").user_found


USABLE = CompiledUpdate(TokenFamily, TokenFamily.objects.usable)


class TestUpdate:
    @pytest.mark.parametrize(
        "expected",
        [
            {},
            {"generation": 2},
            {"generation": 2, "delivered_at": None},
            {"generation": 2, "redeemable_generation": 1},
            {"generation": 2, "last_ip_address": "2001:db8::7"},
        ],
        ids="-".join,
    )
    def test_compiled_update_writes_what_the_queryset_writes(self, family, expected):
        changed = {
            "generation": 3,
            "redeemable_generation": None,
            "idle_expires_at": family.idle_expires_at + timedelta(seconds=1.5),
            "last_ip_address": "192.0.2.1",
            "last_user_agent": "Agent\nwith a line",
            "authentication_methods": ["pwd", "otp"],
            "opened_family": uuid4(),
        }
        rows = TokenFamily.objects.filter(pk=family.pk)
        rows.update(**changed)
        by_queryset = values(rows.get())
        rows.update(**{name: getattr(family, name) for name in changed})
        assert USABLE.execute(family.pk, changed, expected=expected, using="default")
        assert values(rows.get()) == by_queryset

    @pytest.mark.parametrize(
        "other",
        [
            {"generation": 7},
            {"redeemable_generation": None},
            {"delivered_at": "past"},
            {"closed_at": "past"},
            {"idle_expires_at": "past"},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_compiled_update_of_changed_row_writes_nothing(self, family, other):
        past = family.rotated_at
        rows = TokenFamily.objects.filter(pk=family.pk)
        rows.update(**{name: past if value == "past" else value for name, value in other.items()})
        before = rows.values().get()
        expected = {"generation": 2, "redeemable_generation": 1, "delivered_at": None}
        for _ in range(2):
            changed = USABLE.execute(
                family.pk, {"generation": 3}, expected=expected, using="default"
            )
            assert not changed
        assert rows.values().get() == before

    def test_compiled_update_leaves_other_rows(self, family):
        other = make_pair().family
        before = TokenFamily.objects.filter(pk=other.pk).values().get()
        assert USABLE.execute(family.pk, {"generation": 9}, using="default")
        assert TokenFamily.objects.filter(pk=other.pk).values().get() == before
        assert not USABLE.execute(uuid4(), {"generation": 9}, using="default")

    def test_compiled_update_accepts_expressions(self, family, clock):
        assert USABLE.execute(family.pk, {"closed_at": DatabaseNow()}, using="default")
        assert TokenFamily.objects.get(pk=family.pk).closed_at == clock.now

    def test_compiled_update_sends_no_signals(self, family):
        with heard(models.signals.pre_save) as before, heard(models.signals.post_save) as after:
            USABLE.execute(family.pk, {"generation": 9}, using="default")
        assert before == after == []

    def test_update_is_compiled_once_for_each_form(self, family, monkeypatch):
        seen = []
        get_compiler = Query.get_compiler

        def record(self, *args, **kwargs):
            seen.append(self.model)
            return get_compiler(self, *args, **kwargs)

        monkeypatch.setattr(Query, "get_compiler", record)
        for generation in (2, 3, 4):
            for more in ({}, {"delivered_at": None}):
                expected = {"generation": generation, **more}
                USABLE.execute(family.pk, {"generation": 3}, expected=expected, using="default")
        assert seen == [TokenFamily, TokenFamily]

    def test_update_sets_nullable_columns_to_null(self, family):
        names = [field.name for field in TokenFamily._meta.concrete_fields if field.null]
        assert USABLE.execute(family.pk, dict.fromkeys(names), using="default")
        stored = TokenFamily.objects.filter(pk=family.pk).values(*names).get()
        assert stored == dict.fromkeys(names)

    def test_failed_update_marks_the_transaction_for_rollback(self, family):
        with transaction.atomic(), pytest.raises(Error):
            USABLE.execute(family.pk, {"generation": None}, using="default")
        assert TokenFamily.objects.get(pk=family.pk).generation == 2


class TestRow:
    @pytest.fixture
    def row(self):
        def build(user_id, *, number):
            sessions = DeviceSession.objects.filter(user=user_id).order_by("created_at")
            users = get_user_model().objects.filter(pk=user_id)
            ids = sessions.values("pk")[number : number + 1]
            return users.values_list("pk", DatabaseNow(), models.Subquery(ids))

        return CompiledRow(build)

    def test_compiled_row_reads_what_the_queryset_reads(self, family, row, clock):
        user = family.session.user
        second = make_pair(user).session
        assert row.get(user.pk, using="default", number=0) == (
            *(user.pk, clock.now),
            family.session_id,
        )
        assert row.get(user.pk, using="default", number=1) == (user.pk, clock.now, second.pk)
        assert row.get(user.pk, using="default", number=2) == (user.pk, clock.now, None)

    def test_row_is_compiled_once_for_all_keys(self, family, row, compiled):
        others = [make_pair() for _ in range(2)]
        row.get(family.session.user_id, using="default", number=0)
        compiled.clear()
        for pair in others:
            user_id = pair.session.user_id
            found = row.get(user_id, using="default", number=0)
            assert (found[0], found[2]) == (user_id, pair.session.pk)
        assert compiled == []

    def test_compiled_row_without_row_is_none(self, family, row):
        key = family.session.user_id
        get_user_model()._base_manager.filter(pk=key).delete()
        for _ in range(2):
            assert row.get(key, using="default", number=0) is None


class TestWithoutCompiler:
    """What a release of Django without these parts of the compiler would meet."""

    @pytest.fixture(autouse=True)
    def _broken(self, family, monkeypatch):
        def broken(*args, **kwargs):
            raise AttributeError("gone")

        for statement in (CompiledSelect, CompiledRow, CompiledUpdate):
            monkeypatch.setattr(statement, "_compile", broken)

    def test_select_without_compiler_uses_the_queryset(self, family, caplog):
        for _ in range(3):
            assert values(read_family(claims_of(family), using="default")) == values(family)
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_session_without_compiler_lives_from_login_to_logout(self, family):
        pair = refresh_session(make_pair().refresh)
        assert pair.family.generation == 2
        assert log_out(refresh_tokens.verify(pair.refresh))
        assert DeviceSession.objects.get(pk=pair.session.pk).revoked_reason == "logout"

    def test_update_without_compiler_compares_and_swaps(self, family):
        changed = {"generation": 3, "closed_at": DatabaseNow()}
        for generation, updated in ((1, False), (2, True)):
            expected = {"generation": generation}
            assert (
                USABLE.execute(family.pk, changed, expected=expected, using="default") is updated
            )


class TestThreads:
    """Under ASGI each request has a thread, and so connections, of its own."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def read_in_thread(self, family):
        """Read the family in a new thread; return a weak reference to its connection."""

        def read():
            found = []

            def run():
                own = connections["default"]
                try:
                    found.append(
                        (read_family(claims_of(family), using="default"), weakref.ref(own))
                    )
                finally:
                    own.close()

            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            ((instance, reference),) = found
            assert values(instance) == values(family)
            return reference

        return read

    def test_threads_share_the_plan_of_a_database(self, read_in_thread, compiled):
        compiled.clear()
        for _ in range(3):
            read_in_thread()
        assert compiled.count(TokenFamily) == 1

    def test_plan_does_not_keep_the_connection_of_a_finished_thread(self, read_in_thread):
        kept = [read_in_thread() for _ in range(3)]
        gc.collect()
        assert [reference() for reference in kept] == [None, None, None]
        assert plans._PLANS

    def test_failed_compilation_is_logged_once_for_all_threads(
        self, read_in_thread, monkeypatch, caplog
    ):
        monkeypatch.setattr(CompiledSelect, "_compile", lambda *args: {}["gone"])
        for _ in range(3):
            read_in_thread()
        assert [record.levelname for record in caplog.records] == ["WARNING"]

    def test_aliases_have_separate_plans(self, read_in_thread, family, monkeypatch, compiled):
        read_in_thread()
        compiled.clear()
        with monkeypatch.context() as patch:
            patch.setattr(connections["default"], "alias", "other")
            read_family(claims_of(family), using="default")
        assert compiled == [TokenFamily]
