"""Which sessions are pruned, and which are kept."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent, TokenFamily
from refresh_sessions.sessions import revoke_session
from refresh_sessions.sessions.prune import RETENTION, count_prunable_sessions, prune_sessions
from refresh_sessions.signals import session_revoked
from tests.domain.client_actions import AFTER_OVERLAP, delivered, refused, session_of
from tests.factories import make_pair
from tests.listeners import heard
from tests.pruning.builders import HARD, MOMENT, NOW, exists, long_expired, renew, statements

pytestmark = pytest.mark.django_db


class TestPrunedSessions:
    def test_prune_deletes_session_with_families_plus_events(self, clock, pair, user):
        clock.move(HARD + RETENTION)
        assert prune_sessions() == 1
        assert not DeviceSession.objects.exists()
        assert not TokenFamily.objects.exists()
        assert not SessionEvent.objects.exists()
        assert get_user_model().objects.filter(pk=user.pk).exists()

    def test_prune_keeps_session_a_month_after_hard_expiry(self, clock, pair):
        clock.move(HARD + timedelta(days=30) - MOMENT)
        assert prune_sessions() == 0
        clock.move(MOMENT)
        assert prune_sessions() == 1

    @pytest.mark.parametrize("older_than", [NOW, timedelta(hours=12), timedelta(days=400)])
    def test_prune_older_than_counts_from_hard_expiry(self, clock, pair, older_than):
        clock.move(HARD + older_than - MOMENT)
        assert prune_sessions(older_than=older_than) == 0
        assert exists(pair)
        clock.move(MOMENT)
        assert prune_sessions(older_than=older_than) == 1
        assert not exists(pair)

    def test_prune_deletes_expired_sessions_alone(self, clock, user):
        old = make_pair(user)
        clock.move(HARD - timedelta(days=1))
        young = make_pair(user)
        clock.move(timedelta(days=1))
        assert prune_sessions(older_than=NOW) == 1
        assert (exists(old), exists(young)) == (False, True)
        assert renew(young).family.generation == 2
        assert session_of(young).events.count() == 1

    def test_prune_deletes_each_session_at_its_own_hard_expiry(self, clock, user, options):
        # The current setting does not apply to sessions created under another one.
        options(SESSION_LIFETIME=timedelta(days=90))
        long = make_pair(user)
        options(SESSION_LIFETIME=timedelta(days=1))
        short = make_pair(user)
        clock.move(timedelta(days=2))
        assert prune_sessions(older_than=NOW) == 1
        assert (exists(long), exists(short)) == (True, False)

    def test_prune_with_maximum_age_deletes_nothing(self, clock, pair):
        clock.move(HARD + RETENTION)
        assert prune_sessions(older_than=timedelta.max) == 0
        assert exists(pair)

    def test_prune_without_sessions_takes_two_queries(self):
        with CaptureQueriesContext(connection) as queries:
            assert prune_sessions() == 0
        assert statements(queries) == ["SELECT", "SELECT"]

    @pytest.mark.parametrize("older_than", [-MOMENT, timedelta(days=-1)])
    def test_prune_with_negative_age_is_refused(self, clock, pair, older_than):
        clock.move(HARD - MOMENT)
        for verb in (prune_sessions, count_prunable_sessions):
            with pytest.raises(ValueError, match="until their hard deadline"):
                verb(older_than=older_than)
        assert exists(pair)

    def test_prune_uses_clock_of_database(self, pair):
        with time_machine.travel(datetime.now(UTC) + timedelta(days=3650)):
            assert prune_sessions(older_than=NOW) == 0
        assert exists(pair)


class TestKeptSessions:
    """A used token needs its row until the hard expiry, whatever the state of the session."""

    def test_prune_keeps_revoked_session_until_hard_expiry(self, clock, pair):
        revoke_session(pair.session, reason=RevokedReason.ADMIN)
        clock.move(HARD - MOMENT)
        assert prune_sessions(older_than=NOW) == 0
        clock.move(MOMENT)
        assert prune_sessions(older_than=NOW) == 1

    def test_prune_keeps_idle_session_until_hard_expiry(self, clock, user, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(hours=1))
        pair = make_pair(user)
        clock.move(HARD - MOMENT)
        assert refused(pair.refresh) == "session_expired/idle"
        assert prune_sessions(older_than=NOW) == 0
        assert refused(pair.refresh) == "session_expired/idle"

    def test_prune_keeps_session_with_closed_families_until_hard_expiry(self, clock, pair):
        TokenFamily.objects.update(closed_at=clock.now)
        clock.move(HARD - MOMENT)
        assert prune_sessions(older_than=NOW) == 0

    def test_reuse_is_detected_after_prune(self, clock, user):
        make_pair(user)
        clock.move(timedelta(days=1))
        first = make_pair(user)
        second = renew(first)
        delivered(second, clock)
        clock.move(session_of(first).expires_at - clock.now - timedelta(seconds=1))
        assert prune_sessions(older_than=NOW) == 1
        assert refused(first.refresh) == "session_revoked"
        assert session_of(first).revoked_reason == RevokedReason.REUSE
        assert refused(second.refresh) == "session_revoked"

    def test_reuse_in_idle_session_is_detected_after_prune(self, clock, user, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(days=1))
        first = make_pair(user)
        second = renew(first)
        clock.move(AFTER_OVERLAP)
        renew(second)
        clock.move(HARD - timedelta(minutes=1))
        assert prune_sessions(older_than=NOW) == 0
        assert refused(first.refresh) == "session_revoked"
        assert session_of(first).revoked_reason == RevokedReason.REUSE

    def test_token_of_pruned_session_is_refused_without_event(self, clock, pair):
        clock.move(HARD)
        assert prune_sessions(older_than=NOW) == 1
        assert refused(pair.refresh) == "session_revoked"


class TestCounting:
    def test_prunable_count_equals_prune_without_deletion(self):
        long_expired(3)
        make_pair()
        with CaptureQueriesContext(connection) as queries:
            assert count_prunable_sessions() == 3
        assert statements(queries) == ["SELECT", "SELECT"]
        assert DeviceSession.objects.count() == 4
        assert prune_sessions() == 3
        assert count_prunable_sessions() == 0

    def test_prunable_count_starts_at_hard_expiry(self, clock, pair):
        clock.move(HARD + timedelta(hours=1) - MOMENT)
        assert count_prunable_sessions(older_than=timedelta(hours=1)) == 0
        clock.move(MOMENT)
        assert count_prunable_sessions(older_than=timedelta(hours=1)) == 1


class TestAccountChanges:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"is_active": False}, "user_inactive"),
            ({"password": make_password("by SQL")}, "password_changed"),
        ],
    )
    def test_prune_revokes_locked_out_sessions_once(self, user, pair, change, reason):
        other = make_pair()
        get_user_model().objects.filter(pk=user.pk).update(**change)
        with heard(session_revoked) as announced:
            assert [prune_sessions(), prune_sessions()] == [0, 0]
        session = DeviceSession.objects.get(pk=pair.session.pk)
        assert session.revoked_reason == reason
        assert [event.kind for event in session.events.order_by("pk")] == ["signed_in", "revoked"]
        assert [one["session"].pk for one in announced] == [pair.session.pk]
        assert DeviceSession.objects.active().get().pk == other.session.pk
