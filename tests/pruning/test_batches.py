"""Pruning in batches: concurrency and errors."""

from contextlib import ExitStack, nullcontext
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_init, pre_delete
from django.test.utils import CaptureQueriesContext

from refresh_sessions.batches import MAX_BATCH_SIZE
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import revoke_sessions
from refresh_sessions.sessions.prune import prune_sessions
from tests.factories import make_pair
from tests.listeners import heard
from tests.pruning.builders import (
    cascading,
    exists,
    failing,
    failing_statements,
    long_expired,
    renew,
    statements,
    together,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["direct", "cascade"])
def each_way(request):
    """Prune without and with a receiver, which decides how rows are deleted."""
    with cascading() if request.param == "cascade" else nullcontext():
        yield request.param


class TestBatches:
    def test_prune_reports_progress_per_batch(self, each_way):
        long_expired(5)
        reported: list[int] = []
        assert prune_sessions(batch_size=2, progress=reported.append) == 5
        assert reported == [2, 4, 5]

    def test_prune_deletes_oldest_sessions_first(self, each_way):
        sessions = long_expired(4)
        left: list[set] = []

        def look(_):
            left.append(set(DeviceSession.objects.values_list("pk", flat=True)))

        prune_sessions(batch_size=2, progress=look)
        assert left == [{session.pk for session in sessions[:2]}, set()]

    @pytest.mark.parametrize("size", [2, 50, 100])
    def test_prune_batch_statements_do_not_depend_on_its_size(self, size):
        long_expired(2 * size)
        with CaptureQueriesContext(connection) as queries:
            prune_sessions(batch_size=size)
        batch = {
            "postgresql": ["WITH"],
            "sqlite": ["SELECT", "DELETE", "DELETE", "DELETE"],
            # The keys, and a lock by key.
            "mysql": ["SELECT", "SELECT", "DELETE", "DELETE", "DELETE"],
        }[connection.vendor]
        first = ["SELECT", "SELECT", "SELECT", "SELECT"]
        # First the clock, the accounts of active sessions and the clock again; last a check that
        # none is left.
        assert statements(queries) == [*first, *batch, *batch, batch[0]]

    @pytest.mark.parametrize("size", [2, 50, 100])
    def test_prune_batch_with_receiver_statements_do_not_depend_on_its_size(self, size):
        long_expired(2 * size)
        with cascading(DeviceSession), CaptureQueriesContext(connection) as queries:
            prune_sessions(batch_size=size)
        lock = [] if connection.vendor == "sqlite" else ["SELECT"]
        batch = ["SELECT", *lock, "SELECT", "DELETE", "DELETE", "DELETE"]
        assert statements(queries)[4:] == [*batch, *batch, "SELECT"]

    def test_prune_loads_no_objects(self):
        long_expired(6)
        with heard(post_init) as made:
            assert prune_sessions(batch_size=2) == 6
        assert made == []

    def test_prune_with_receivers_loads_at_most_a_batch(self):
        long_expired(6)
        loaded: list[int] = []
        with cascading(), heard(post_init) as made:
            prune_sessions(batch_size=2, progress=lambda _: loaded.append(len(made)))
        # Two sessions with one family and two events each.
        assert loaded == [8, 16, 24]

    @pytest.mark.parametrize("size", [0, -1, MAX_BATCH_SIZE + 1])
    def test_prune_batch_size_out_of_range_is_refused(self, size):
        with pytest.raises(ValueError, match=f"between 1 and {MAX_BATCH_SIZE}, not {size}"):
            prune_sessions(batch_size=size)

    def test_prune_batch_size_at_maximum_is_accepted(self, each_way):
        long_expired(3)
        assert prune_sessions(batch_size=MAX_BATCH_SIZE) == 3

    def test_prune_ends_although_sessions_expire_meanwhile(self, clock, each_way):
        long_expired(3)
        late = make_pair()

        def a_century_later(_):
            clock.move(timedelta(days=36_500))

        assert prune_sessions(batch_size=1, progress=a_century_later) == 3
        assert exists(late)

    @pytest.mark.parametrize("signal", [pre_delete, post_delete])
    def test_prune_sends_delete_signals(self, signal):
        sessions = long_expired(3)
        told: dict[type, set] = {DeviceSession: set(), TokenFamily: set(), SessionEvent: set()}

        def listen(sender, instance, **_):
            told[sender].add(instance.pk)

        expected = {
            DeviceSession: {session.pk for session in sessions},
            TokenFamily: set(TokenFamily.objects.values_list("pk", flat=True)),
            SessionEvent: set(SessionEvent.objects.values_list("pk", flat=True)),
        }
        signal.connect(listen)
        try:
            prune_sessions(batch_size=2)
        finally:
            signal.disconnect(listen)
        assert told == expected
        assert [len(keys) for keys in told.values()] == [3, 3, 6]


@pytest.mark.django_db(transaction=True)
class TestDatabaseErrors:
    def test_prune_retries_deadlock_without_double_count(self):
        long_expired(4)
        reported: list[int] = []
        with failing(times=2) as failures:
            assert prune_sessions(batch_size=2, progress=reported.append) == 4
        assert (len(failures), reported) == (2, [2, 4])
        assert not DeviceSession.objects.exists()

    def test_direct_prune_retries_deadlock_without_double_count(self):
        long_expired(4)
        reported: list[int] = []
        verb = "WITH" if connection.vendor == "postgresql" else "DELETE"
        with failing_statements(verb, times=2) as failures:
            assert prune_sessions(batch_size=2, progress=reported.append) == 4
        assert (len(failures), reported) == (2, [2, 4])
        assert not DeviceSession.objects.exists()

    def test_prune_keeps_batches_before_failing_one(self):
        long_expired(5)

        with ExitStack() as trouble:

            def fail_from_now_on(_):
                trouble.enter_context(failing(times=1000))

            with pytest.raises(DatabaseBusyError):
                prune_sessions(batch_size=2, progress=fail_from_now_on)
        assert DeviceSession.objects.count() == 3
        assert TokenFamily.objects.count() == 3
        assert SessionEvent.objects.count() == 6

    def test_prune_in_rolled_back_transaction_deletes_nothing(self, each_way):
        long_expired(3)
        with transaction.atomic():
            assert prune_sessions(batch_size=2) == 3
            transaction.set_rollback(True)
        assert DeviceSession.objects.count() == 3


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_concurrent_prunes_share_the_sessions(self, each_way):
        long_expired(60)
        pruned = together(*[lambda: prune_sessions(batch_size=7)] * 2)
        assert sum(pruned) == 60
        assert not DeviceSession.objects.exists()

    def test_refresh_during_prune_succeeds(self, options, each_way):
        options(ROTATION_OVERLAP=timedelta(0))
        long_expired(60)
        pair = make_pair()

        def use():
            newest = pair
            for _ in range(20):
                newest = renew(newest)
            return newest.family.generation

        assert together(use, lambda: prune_sessions(batch_size=5)) == [21, 60]
        assert TokenFamily.objects.get().generation == 21

    def test_revocation_during_prune_does_not_deadlock(self, each_way):
        sessions = long_expired(60)
        everything = DeviceSession.objects.all()
        ended, pruned = together(
            lambda: revoke_sessions(everything, reason="admin"),
            lambda: prune_sessions(batch_size=5),
        )
        assert ended + pruned >= len(sessions)
        # The next run prunes sessions that one of the two skipped.
        assert prune_sessions() == len(sessions) - pruned
        assert not SessionEvent.objects.exists()

    def test_prune_skips_batches_of_locked_sessions(self, each_way):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database cannot pass over locked rows")
        sessions = long_expired(9)
        # The oldest, which fill the first two batches.
        busy = {session.pk for session in sessions[3:]}
        with transaction.atomic():
            DeviceSession.objects.filter(pk__in=busy).update(revoked_reason="admin")
            assert together(lambda: prune_sessions(batch_size=3)) == [3]
        assert {session.pk for session in DeviceSession.objects.all()} == busy
        assert TokenFamily.objects.count() == 6
        assert prune_sessions(batch_size=3) == 6

    @pytest.mark.parametrize("locked", [3, 4])
    def test_prune_with_locked_sessions_of_one_deadline_ends(self, locked, each_way):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database cannot pass over locked rows")
        sessions = long_expired(7)
        deadline = sessions[0].expires_at
        DeviceSession.objects.update(expires_at=deadline)
        busy = [session.pk for session in sessions[:locked]]
        with transaction.atomic():
            DeviceSession.objects.filter(pk__in=busy).update(revoked_reason="admin")
            (pruned,) = together(lambda: prune_sessions(batch_size=3))
        assert pruned <= 7 - locked
        assert prune_sessions(batch_size=3) == 7 - pruned

    def test_prune_skips_locked_session(self, each_way):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database cannot pass over locked rows")
        busy = long_expired(3)[1]
        with transaction.atomic():
            DeviceSession.objects.filter(pk=busy.pk).update(revoked_reason="admin")
            assert together(prune_sessions) == [2]
        assert DeviceSession.objects.get() == busy
        assert prune_sessions() == 1
