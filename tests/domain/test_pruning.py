"""Pruning: what goes, what has to stay, and in which steps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections, transaction
from django.db.models.signals import post_delete, post_init, pre_delete
from django.test.utils import CaptureQueriesContext

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent, TokenFamily
from refresh_sessions.sessions import (
    TokenPair,
    check_access_token,
    refresh_session,
    revoke_session,
    revoke_sessions,
)
from refresh_sessions.sessions.pruning import (
    MAX_BATCH_SIZE,
    RETENTION,
    count_prunable_sessions,
    prune_sessions,
)
from tests.domain.stories import AFTER_OVERLAP, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db

HARD = timedelta(days=7)
NOW = timedelta(0)
MOMENT = timedelta(microseconds=1)


def renew(pair) -> TokenPair:
    """Refresh, as a client does that has received its last token."""
    return refresh_session(pair.refresh)


def exists(pair) -> bool:
    return DeviceSession.objects.filter(pk=pair.session.pk).exists()


def long_expired(number, user=None) -> list[DeviceSession]:
    """Sessions past their hard expiry by a hundred days and more, the last the oldest."""
    user = user or UserFactory()
    now = datetime.now(UTC)
    sessions = DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user,
            created_at=now - timedelta(days=200),
            expires_at=now - timedelta(days=100, seconds=age),
            auth_hash="0" * 64,
        )
        for age in range(number)
    )
    TokenFamily.objects.bulk_create(
        TokenFamily(session=session, secret_digest="0" * 64, idle_expires_at=session.expires_at)
        for session in sessions
    )
    SessionEvent.objects.bulk_create(
        SessionEvent(session=session, kind="signed_in", created_at=session.created_at)
        for session in sessions
        for _ in range(2)
    )
    return sessions


class TestWhatGoes:
    def test_session_families_and_events_go_together(self, clock, pair, user):
        clock.move(HARD + RETENTION)
        assert prune_sessions() == 1
        assert not DeviceSession.objects.exists()
        assert not TokenFamily.objects.exists()
        assert not SessionEvent.objects.exists()
        assert get_user_model().objects.filter(pk=user.pk).exists()

    def test_events_are_kept_for_a_month_after_the_hard_expiry(self, clock, pair):
        clock.move(HARD + timedelta(days=30) - MOMENT)
        assert prune_sessions() == 0
        clock.move(MOMENT)
        assert prune_sessions() == 1

    @pytest.mark.parametrize("older_than", [NOW, timedelta(hours=12), timedelta(days=400)])
    def test_older_than_counts_from_the_hard_expiry(self, clock, pair, older_than):
        clock.move(HARD + older_than - MOMENT)
        assert prune_sessions(older_than=older_than) == 0
        assert exists(pair)
        clock.move(MOMENT)
        assert prune_sessions(older_than=older_than) == 1
        assert not exists(pair)

    def test_of_several_sessions_only_the_expired_go(self, clock, user):
        old = make_pair(user)
        clock.move(HARD - timedelta(days=1))
        young = make_pair(user)
        clock.move(timedelta(days=1))
        assert prune_sessions(older_than=NOW) == 1
        assert (exists(old), exists(young)) == (False, True)
        assert renew(young).family.generation == 2
        assert session_of(young).events.count() == 1

    def test_each_session_goes_by_its_own_hard_expiry(self, clock, user, options):
        # The setting of today says nothing of sessions that began under another.
        options(SESSION_LIFETIME=timedelta(days=90))
        long = make_pair(user)
        options(SESSION_LIFETIME=timedelta(days=1))
        short = make_pair(user)
        clock.move(timedelta(days=2))
        assert prune_sessions(older_than=NOW) == 1
        assert (exists(long), exists(short)) == (True, False)

    def test_nothing_is_older_than_everything(self, clock, pair):
        clock.move(HARD + RETENTION)
        assert prune_sessions(older_than=timedelta.max) == 0
        assert exists(pair)

    def test_no_sessions_at_all_take_one_look(self):
        with CaptureQueriesContext(connection) as queries:
            assert prune_sessions() == 0
        assert _statements(queries) == ["SELECT"]

    @pytest.mark.parametrize("older_than", [-MOMENT, timedelta(days=-1)])
    def test_nothing_goes_before_its_hard_expiry(self, clock, pair, older_than):
        clock.move(HARD - MOMENT)
        for verb in (prune_sessions, count_prunable_sessions):
            with pytest.raises(ValueError, match="until their hard expiry"):
                verb(older_than=older_than)
        assert exists(pair)

    def test_the_clock_is_the_databases(self, pair):
        with time_machine.travel(datetime.now(UTC) + timedelta(days=3650)):
            assert prune_sessions(older_than=NOW) == 0
        assert exists(pair)


class TestWhatStays:
    """A used token must meet its row until the hard expiry, whatever became of the session."""

    def test_revoked_sessions(self, clock, pair):
        revoke_session(pair.session, reason=RevokedReason.ADMIN)
        clock.move(HARD - MOMENT)
        assert prune_sessions(older_than=NOW) == 0
        clock.move(MOMENT)
        assert prune_sessions(older_than=NOW) == 1

    def test_sessions_that_lie_idle(self, clock, user, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(hours=1))
        pair = make_pair(user)
        clock.move(HARD - MOMENT)
        assert refused(pair.refresh) == "session_expired/idle"
        assert prune_sessions(older_than=NOW) == 0
        assert refused(pair.refresh) == "session_expired/idle"

    def test_sessions_whose_families_are_all_closed(self, clock, pair):
        TokenFamily.objects.update(closed_at=clock.now)
        clock.move(HARD - MOMENT)
        assert prune_sessions(older_than=NOW) == 0

    def test_reuse_is_still_found_after_pruning(self, clock, user):
        make_pair(user)
        clock.move(timedelta(days=1))
        first = make_pair(user)
        second = renew(first)
        check_access_token(second.access)
        clock.move(HARD - timedelta(seconds=1))
        assert prune_sessions(older_than=NOW) == 1
        assert refused(first.refresh) == "session_revoked"
        assert session_of(first).revoked_reason == RevokedReason.REUSE
        assert refused(second.refresh) == "session_revoked"

    def test_reuse_is_still_found_in_a_session_that_lay_idle(self, clock, user, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(days=1))
        first = make_pair(user)
        second = renew(first)
        clock.move(AFTER_OVERLAP)
        renew(second)
        clock.move(HARD - timedelta(minutes=1))
        assert prune_sessions(older_than=NOW) == 0
        assert refused(first.refresh) == "session_revoked"
        assert session_of(first).revoked_reason == RevokedReason.REUSE

    def test_after_pruning_an_old_token_is_refused_and_no_more(self, clock, pair):
        clock.move(HARD)
        assert prune_sessions(older_than=NOW) == 1
        assert refused(pair.refresh) == "session_revoked"


class TestBatches:
    def test_each_is_reported_with_the_number_so_far(self):
        long_expired(5)
        reported: list[int] = []
        assert prune_sessions(batch_size=2, progress=reported.append) == 5
        assert reported == [2, 4, 5]

    def test_the_oldest_sessions_go_first(self):
        sessions = long_expired(4)
        left: list[set] = []

        def look(_):
            left.append(set(DeviceSession.objects.values_list("pk", flat=True)))

        prune_sessions(batch_size=2, progress=look)
        assert left == [{session.pk for session in sessions[:2]}, set()]

    @pytest.mark.parametrize("size", [2, 50, 100])
    def test_take_five_statements_whatever_their_size(self, size):
        long_expired(2 * size)
        with CaptureQueriesContext(connection) as queries:
            prune_sessions(batch_size=size)
        batch = ["SELECT", "SELECT", "DELETE", "DELETE", "DELETE"]
        # Once before them the clock, and once after them to see that nothing is left.
        assert _statements(queries) == ["SELECT", *batch, *batch, "SELECT"]

    def test_load_no_more_sessions_than_their_size(self):
        long_expired(6)
        loaded: list[int] = []
        with heard(post_init) as made:
            prune_sessions(batch_size=2, progress=lambda _: loaded.append(len(made)))
        # No family and no event is among them: those are deleted unseen.
        assert {event["sender"] for event in made} == {DeviceSession}
        assert loaded == [2, 4, 6]

    @pytest.mark.parametrize("size", [0, -1, MAX_BATCH_SIZE + 1])
    def test_have_a_sensible_size(self, size):
        with pytest.raises(ValueError, match=f"between 1 and {MAX_BATCH_SIZE}, not {size}"):
            prune_sessions(batch_size=size)

    def test_may_be_as_large_as_is_allowed(self):
        long_expired(3)
        assert prune_sessions(batch_size=MAX_BATCH_SIZE) == 3

    def test_end_although_sessions_expire_meanwhile(self, clock):
        long_expired(3)
        late = make_pair()

        def a_century_later(_):
            clock.move(timedelta(days=36_500))

        assert prune_sessions(batch_size=1, progress=a_century_later) == 3
        assert exists(late)

    @pytest.mark.parametrize("signal", [pre_delete, post_delete])
    def test_tell_the_projects_listeners(self, signal):
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
class TestTrouble:
    def test_a_deadlock_is_tried_again_and_nothing_counted_twice(self):
        long_expired(4)
        reported: list[int] = []
        with failing(times=2) as failures:
            assert prune_sessions(batch_size=2, progress=reported.append) == 4
        assert (len(failures), reported) == (2, [2, 4])
        assert not DeviceSession.objects.exists()

    def test_batches_before_the_failing_one_stay_deleted(self):
        long_expired(5)

        with ExitStack() as trouble:

            def fail_from_now_on(_):
                trouble.enter_context(failing(times=1000))

            with pytest.raises(DatabaseBusyError):
                prune_sessions(batch_size=2, progress=fail_from_now_on)
        assert DeviceSession.objects.count() == 3
        assert TokenFamily.objects.count() == 3
        assert SessionEvent.objects.count() == 6

    def test_a_transaction_of_the_callers_decides_in_the_end(self):
        long_expired(3)
        with transaction.atomic():
            assert prune_sessions(batch_size=2) == 3
            transaction.set_rollback(True)
        assert DeviceSession.objects.count() == 3


class TestCounting:
    def test_says_what_pruning_would_delete_and_deletes_nothing(self):
        long_expired(3)
        make_pair()
        with CaptureQueriesContext(connection) as queries:
            assert count_prunable_sessions() == 3
        assert _statements(queries) == ["SELECT", "SELECT"]
        assert DeviceSession.objects.count() == 4
        assert prune_sessions() == 3
        assert count_prunable_sessions() == 0

    def test_counts_from_the_hard_expiry(self, clock, pair):
        clock.move(HARD + timedelta(hours=1) - MOMENT)
        assert count_prunable_sessions(older_than=timedelta(hours=1)) == 0
        clock.move(MOMENT)
        assert count_prunable_sessions(older_than=timedelta(hours=1)) == 1


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_two_prunings_share_the_work(self):
        long_expired(60)
        pruned = together(*[lambda: prune_sessions(batch_size=7)] * 2)
        assert sum(pruned) == 60
        assert not DeviceSession.objects.exists()

    def test_live_sessions_refresh_undisturbed(self, options):
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

    def test_ending_and_pruning_the_same_sessions_do_not_get_stuck(self):
        sessions = long_expired(60)
        everything = DeviceSession.objects.all()
        ended, pruned = together(
            lambda: revoke_sessions(everything, reason="admin"),
            lambda: prune_sessions(batch_size=5),
        )
        assert ended + pruned >= len(sessions)
        # What one of them had to leave to the other goes with the next run.
        assert prune_sessions() == len(sessions) - pruned
        assert not SessionEvent.objects.exists()

    def test_a_session_that_somebody_is_ending_is_passed_over(self):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database cannot pass over locked rows")
        busy = long_expired(3)[1]
        with transaction.atomic():
            DeviceSession.objects.filter(pk=busy.pk).update(revoked_reason="admin")
            assert together(prune_sessions) == [2]
        assert DeviceSession.objects.get() == busy
        assert prune_sessions() == 1


def together(*calls):
    """Call each in a thread and with a connection of its own, all at once."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=30)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@contextmanager
def failing(times):
    """Have the database report a deadlock for the next deletions of sessions."""
    failures: list[dict] = []

    def fail(**event):
        if len(failures) < times:
            failures.append(event)
            # As Django wraps it: the driver's own error is the cause.
            raise OperationalError("Deadlock found") from Exception(1213, "Deadlock found")

    post_delete.connect(fail, sender=DeviceSession)
    try:
        yield failures
    finally:
        post_delete.disconnect(fail, sender=DeviceSession)


def _statements(queries) -> list[str]:
    """The verbs of the statements, without those that only mark transactions."""
    verbs = [query["sql"].split()[0] for query in queries]
    return [verb for verb in verbs if verb in {"SELECT", "INSERT", "UPDATE", "DELETE"}]
