"""Pruning the events of kept sessions, from Python and with the command."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_delete, post_init, pre_delete
from django.test.utils import CaptureQueriesContext

from refresh_sessions.batches import MAX_BATCH_SIZE
from refresh_sessions.events import count_prunable_events, prune_events
from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent
from refresh_sessions.sessions import prune_sessions, refresh_session, revoke_session
from tests.domain.client_actions import AFTER_OVERLAP, kinds, refused, session_of
from tests.factories import make_pair
from tests.listeners import heard
from tests.pruning.builders import long_expired, statements, together

pytestmark = pytest.mark.django_db

HARD = timedelta(days=7)
NOW = timedelta(0)
MOMENT = timedelta(microseconds=1)
LONG = timedelta(days=90)


def prune(*arguments) -> str:
    out = StringIO()
    call_command("prune_refresh_sessions", *arguments, stdout=out)
    return out.getvalue()


class TestPrunedEvents:
    def test_prune_deletes_old_events_of_kept_sessions(self, clock, pair):
        revoke_session(pair.session, reason=RevokedReason.ADMIN)
        clock.move(LONG - MOMENT)
        assert prune_events(older_than=LONG) == 0
        clock.move(MOMENT)
        assert prune_events(older_than=LONG) == 2
        assert kinds(pair) == []
        assert session_of(pair).revoked_reason == RevokedReason.ADMIN

    def test_prune_deletes_each_event_at_its_own_age(self, clock, pair):
        clock.move(timedelta(days=3))
        revoke_session(pair.session, reason=RevokedReason.ADMIN)
        clock.move(LONG - timedelta(days=1))
        assert prune_events(older_than=LONG) == 1
        assert kinds(pair) == ["revoked"]

    def test_prune_events_uses_clock_of_database(self, pair):
        DeviceSession.objects.update(expires_at=datetime.now(UTC) - timedelta(days=1))
        with time_machine.travel(datetime.now(UTC) + timedelta(days=3650)):
            assert prune_events(older_than=LONG) == 0

    def test_prune_events_with_maximum_age_deletes_nothing(self, clock, pair):
        clock.move(LONG)
        assert prune_events(older_than=timedelta.max) == 0

    def test_prune_events_with_negative_age_is_refused(self, pair):
        for verb in (prune_events, count_prunable_events):
            with pytest.raises(ValueError, match="must not be negative"):
                verb(older_than=-MOMENT)


class TestKeptEvents:
    @pytest.mark.parametrize("status", ["live", "revoked"])
    def test_prune_keeps_events_until_hard_expiry_of_session(self, clock, pair, status):
        if status == "revoked":
            revoke_session(pair.session, reason=RevokedReason.ADMIN)
        count = len(kinds(pair))
        clock.move(HARD - MOMENT)
        assert prune_events(older_than=NOW) == count_prunable_events(older_than=NOW) == 0
        clock.move(MOMENT)
        assert count_prunable_events(older_than=NOW) == count
        assert prune_events(older_than=NOW) == count

    def test_prune_deletes_events_of_active_sessions_on_request(self, clock, pair):
        clock.move(HARD - MOMENT)
        assert count_prunable_events(older_than=NOW, of_active_sessions=True) == 1
        assert prune_events(older_than=NOW, of_active_sessions=True) == 1

    def test_reuse_is_detected_after_event_prune(self, clock, pair):
        """Events are a record; the verdict on a token never depends on them."""
        second = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        newest = refresh_session(second.refresh)
        assert prune_events(older_than=NOW, of_active_sessions=True) == 1
        assert refused(pair.refresh) == "session_revoked"
        assert refused(newest.refresh) == "session_revoked"
        assert "reuse_detected" in kinds(pair)


class TestBatches:
    def test_prune_events_reports_progress_per_batch(self):
        long_expired(3)
        reported: list[int] = []
        assert prune_events(older_than=NOW, batch_size=4, progress=reported.append) == 6
        assert reported == [4, 6]

    @pytest.mark.parametrize("size", [2, 50])
    def test_prune_events_batch_statements_do_not_depend_on_its_size(self, size):
        long_expired(size)
        with CaptureQueriesContext(connection) as queries:
            prune_events(older_than=NOW, batch_size=size)
        batch = {
            "postgresql": ["WITH"],
            "sqlite": ["SELECT", "DELETE"],
            "mysql": ["SELECT", "SELECT", "DELETE"],
        }[connection.vendor]
        # Before the batches the clock, after them a check that no event is left.
        assert statements(queries) == ["SELECT", *batch, *batch, batch[0]]

    def test_prune_events_loads_no_objects(self):
        long_expired(4)
        with heard(post_init) as made:
            assert prune_events(older_than=NOW, batch_size=3) == 8
        assert made == []

    def test_prune_events_reads_kept_events_once(self):
        stays = make_pair().session
        long_expired(2)
        DeviceSession.objects.filter(pk=stays.pk).update(
            expires_at=datetime.now(UTC) + timedelta(days=1)
        )
        assert prune_events(older_than=NOW, batch_size=1) == 4
        assert SessionEvent.objects.get().session == stays

    @pytest.mark.parametrize("size", [0, MAX_BATCH_SIZE + 1])
    def test_prune_events_batch_size_out_of_range_is_refused(self, size):
        with pytest.raises(ValueError, match=f"between 1 and {MAX_BATCH_SIZE}, not {size}"):
            prune_events(older_than=NOW, batch_size=size)

    @pytest.mark.parametrize("signal", [pre_delete, post_delete])
    def test_prune_events_sends_delete_signals(self, signal):
        long_expired(2)
        with heard(signal) as told:
            prune_events(older_than=NOW, batch_size=3)
        assert [event["sender"] for event in told] == [SessionEvent] * 4

    def test_prune_events_retries_deadlock(self, monkeypatch):
        monkeypatch.setattr("refresh_sessions.database._back_off", lambda number: None)
        long_expired(2)
        failures = []

        def fail(**event):
            if len(failures) < 2:
                failures.append(event)
                raise OperationalError("Deadlock found") from Exception(1213, "Deadlock found")

        post_delete.connect(fail, sender=SessionEvent)
        try:
            assert prune_events(older_than=NOW, batch_size=3) == 4
        finally:
            post_delete.disconnect(fail, sender=SessionEvent)
        assert len(failures) == 2


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_concurrent_event_with_session_prune_does_not_deadlock(self):
        long_expired(40)

        def events():
            return prune_events(older_than=NOW, batch_size=7)

        first, second, sessions = together(events, events, lambda: prune_sessions(batch_size=5))
        assert first + second <= 80
        # The next run prunes sessions that one of the two skipped.
        assert sessions + prune_sessions() == 40
        assert not SessionEvent.objects.exists()

    def test_prune_events_skips_locked_event(self):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database cannot pass over locked rows")
        long_expired(2)
        busy = SessionEvent.objects.order_by("pk")[1]
        with transaction.atomic():
            SessionEvent.objects.select_for_update().get(pk=busy.pk)
            assert together(lambda: prune_events(older_than=NOW, batch_size=2)) == [3]
        assert SessionEvent.objects.get() == busy


class TestCommand:
    def test_prune_command_keeps_events_of_kept_sessions_by_default(self, clock, pair):
        clock.move(HARD)
        assert prune() == "Deleted 0 sessions.\n"
        assert kinds(pair) == ["signed_in"]

    def test_prune_command_deletes_old_events_of_kept_sessions(self, clock, pair):
        options = ("--older-than=700d", "--events-older-than=90d")
        clock.move(LONG - MOMENT)
        assert prune(*options) == "Deleted 0 sessions.\nDeleted 0 events.\n"
        clock.move(MOMENT)
        assert prune(*options) == "Deleted 0 sessions.\nDeleted 1 event.\n"

    def test_prune_command_keeps_events_of_active_sessions_by_default(self, clock, pair):
        clock.move(timedelta(days=2))
        assert "Deleted 0 events" in prune("--events-older-than=1d")
        shown = prune("--events-older-than=1d", "--include-events-of-active-sessions", "--dry-run")
        assert shown == "Would delete 0 sessions.\nWould delete 1 event.\n"
        assert kinds(pair) == ["signed_in"]
        assert "Deleted 1 event" in prune(
            "--events-older-than=1d", "--include-events-of-active-sessions"
        )

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--events-older-than", "90"], "'90' has no unit"),
            (["--events-older-than=-1 00:00:00"], "--events-older-than: must not be negative"),
            (["--include-events-of-active-sessions"], "requires --events-older-than"),
        ],
    )
    def test_prune_command_with_invalid_event_option_deletes_nothing(
        self, clock, pair, arguments, complaint
    ):
        clock.move(timedelta(days=400))
        with pytest.raises(CommandError, match=complaint):
            prune(*arguments)
        assert DeviceSession.objects.exists()
