"""Export of events as CSV: each event once, in batches."""

import gc
import weakref
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from refresh_sessions.events.export import COLUMNS, EventExport
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import SessionEvent
from tests.admin.event_pages import rows_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db


def add_events(session, number, **fields) -> list[SessionEvent]:
    # Many events at one instant, as when many sessions are revoked at once.
    at = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)
    return SessionEvent.objects.bulk_create(
        SessionEvent(**{"session": session, "kind": "revoked", "created_at": at, **fields})
        for _ in range(number)
    )


def export(events=None, **options):
    events = SessionEvent.objects.all() if events is None else events
    return rows_of("".join(EventExport(events, **options)).encode())


class TestRows:
    def test_export_rows_hold_the_whole_event(self):
        user, actor = UserFactory.create(), UserFactory.create()
        session = make_pair(user, name="Grüner Läufer").session
        SessionEvent.objects.all().delete()
        details = {"reason": "admin", "generation": 3, "user_agent": "Tablet; x=1"}
        add_events(session, 1, actor=actor, ip_address="2001:db8::1", details=details)
        (row,) = export()
        assert row == {
            "time": "2026-01-31T12:30:15.250000Z",
            "kind": "revoked",
            "session_id": str(session.pk),
            "user_id": str(user.pk),
            "username": user.get_username(),
            "ip_address": "2001:db8::1",
            "device": "Grüner Läufer",
            "actor_id": str(actor.pk),
            "details": '{"reason": "admin", "generation": 3, '
            '"user_agent": "Tablet\\u003b x\\u003d1"}',
        }

    def test_export_rows_leave_unknown_values_empty(self):
        session = make_pair().session
        SessionEvent.objects.all().delete()
        add_events(session, 1)
        (row,) = export()
        assert (row["ip_address"], row["device"], row["actor_id"], row["details"]) == (
            "",
            session.device,
            "",
            "{}",
        )

    def test_export_of_no_events_is_the_header_alone(self):
        assert "".join(EventExport(SessionEvent.objects.all())) == (
            "\ufeff" + ",".join(f'"{name}"' for name in COLUMNS) + "\r\n"
        )

    def test_export_rows_hold_no_spreadsheet_formula(self):
        make_pair(name='=HYPERLINK("http://evil.example","click")')
        make_pair(name="x;@SUM(A1)")
        first, second = export()
        assert first["device"] == '\'=HYPERLINK("http://evil.example","click")'
        assert second["device"] == "x;'@SUM(A1)"

    def test_export_rows_hold_no_secret(self):
        make_pair()
        with CaptureQueriesContext(connection) as queries:
            export()
        statements = " ".join(query["sql"] for query in queries)
        assert "auth_hash" not in statements
        assert "password" not in statements


class TestBatches:
    @pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 8, 100])
    def test_export_batches_hold_each_event_once_in_order(self, batch_size):
        session = make_pair().session
        for number in range(7):
            add_events(session, 1, details={"number": number})
        rows = export(batch_size=batch_size)
        assert [row["kind"] for row in rows] == ["signed_in", *["revoked"] * 7]
        assert [row["details"] for row in rows[1:]] == [f'{{"number": {n}}}' for n in range(7)]

    def test_export_batches_keep_filters_ignore_ordering(self):
        session = make_pair().session
        add_events(session, 5)
        events = SessionEvent.objects.filter(kind="revoked").order_by("-created_at")
        rows = export(events.select_related("session__user", "actor"), batch_size=2)
        assert [row["kind"] for row in rows] == ["revoked"] * 5

    def test_export_batches_are_read_lazily(self):
        add_events(make_pair().session, 9)
        pieces = iter(EventExport(SessionEvent.objects.all(), batch_size=4))
        with CaptureQueriesContext(connection) as queries:
            next(pieces)
            assert len(queries) == 0
            next(pieces)
            assert len(queries) == 1
            list(pieces)
        # Two more with rows, and one that finds the end.
        assert len(queries) == 4
        assert all("LIMIT 4" in query["sql"] for query in queries)

    def test_export_batches_hold_at_most_their_size(self):
        add_events(make_pair().session, 30)
        with heard(post_init) as made:
            seen = [
                sum(event["sender"] is SessionEvent for event in made)
                for _ in EventExport(SessionEvent.objects.all(), batch_size=10)
            ]
        assert seen == [0, 10, 20, 30, 31]

    def test_export_keeps_no_event_of_an_earlier_batch(self):
        # Living objects, not bytes: other code of the process allocates too.
        add_events(make_pair().session, 50)
        living = weakref.WeakSet()
        with heard(post_init) as made:
            counts = []
            for _ in EventExport(SessionEvent.objects.all(), batch_size=10):
                living.update(event["instance"] for event in made)
                made.clear()
                gc.collect()
                counts.append(sum(isinstance(instance, SessionEvent) for instance in living))
        # The last batch is in memory while the next is read.
        assert max(counts) <= 20, counts
        assert len(counts) == 7

    def test_export_ends_although_events_are_written_meanwhile(self):
        session = make_pair().session
        written = 0
        for _ in EventExport(SessionEvent.objects.all(), batch_size=1):
            add_events(session, 2)
            written += 1
            assert written < 10
        assert written == 2

    def test_export_batch_size_below_one_is_refused(self):
        with pytest.raises(ValueError, match="at least 1, not 0"):
            EventExport(SessionEvent.objects.all(), batch_size=0)


class TestDatabaseErrors:
    @pytest.fixture
    def failing(self, monkeypatch):
        """Fail all statements after the first as if the server were shutting down."""

        def fail_after(number, *, times):
            left = {"good": number, "bad": times}

            def wrapper(execute, sql, params, many, context):
                if left["good"]:
                    left["good"] -= 1
                elif left["bad"]:
                    left["bad"] -= 1
                    error = OperationalError("server closed the connection")
                    error.__cause__ = type("Lost", (Exception,), {"sqlstate": None})()
                    raise error
                return execute(sql, params, many, context)

            return connection.execute_wrapper(wrapper)

        monkeypatch.setattr("refresh_sessions.database._back_off", lambda number: None)
        return fail_after

    def test_export_retries_transient_errors(self, failing):
        add_events(make_pair().session, 5)
        with failing(2, times=1):
            assert len(export(batch_size=2)) == 6

    def test_export_with_lasting_error_stops_after_rows_read(self, failing):
        add_events(make_pair().session, 5)
        whole = EventExport(SessionEvent.objects.all(), batch_size=2)
        pieces = []
        with failing(1, times=100), pytest.raises(DatabaseBusyError):
            pieces.extend(whole)
        assert len(rows_of("".join(pieces).encode())) == whole.written == 2

    def test_export_error_at_start_comes_before_first_row(self, failing):
        with failing(0, times=100), pytest.raises(DatabaseBusyError):
            EventExport(SessionEvent.objects.all())


def test_export_with_user_class_reading_fields_in_init_holds_username(user, monkeypatch):
    make_pair(user)
    model, init, read = get_user_model(), get_user_model().__init__, []

    def reading(self, *args, **kwargs):
        init(self, *args, **kwargs)
        read.append((self.is_active, self.password, self.get_username()))

    monkeypatch.setattr(model, "__init__", reading)
    assert user.get_username() in str(export())
