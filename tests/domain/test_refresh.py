"""Refresh of honest clients: rotation, siblings, lost responses, delivery."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from refresh_sessions.exceptions import OuterTransactionError
from refresh_sessions.models import SessionEvent, TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    STORED_BY_THEN,
    call,
    companion_request,
    family_of,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


class TestRotation:
    def test_rotation_gives_new_tokens(self, pair):
        new = refresh_session(pair.refresh)
        assert new.refresh not in {None, pair.refresh}
        assert new.access != pair.access
        assert call(new) == "ok"

    def test_rotation_increments_generation_without_new_row(self, pair, clock):
        rows = (TokenFamily.objects.count(), SessionEvent.objects.count())
        rotated(pair, clock, times=5)
        family = family_of(pair)
        assert (family.generation, family.redeemable_generation) == (6, 5)
        assert (TokenFamily.objects.count(), SessionEvent.objects.count()) == rows

    def test_rotation_takes_one_select_plus_one_update(self, pair):
        with CaptureQueriesContext(connection) as queries:
            refresh_session(pair.refresh)
        assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]

    def test_first_refresh_rotates_right_after_login(self, pair):
        assert refresh_session(pair.refresh).refresh != pair.refresh

    def test_rotation_ignores_the_access_token(self, pair, clock):
        clock.move(timedelta(hours=5))
        assert call(pair) == "token_not_valid/token_expired"
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_rotation_stores_last_address(self, pair, rf):
        refresh_session(pair.refresh, request=rf.get("/", REMOTE_ADDR="203.0.113.5"))
        assert family_of(pair).last_ip_address == "203.0.113.5"

    def test_rotation_extends_idle_limit_alone(self, pair, clock, options):
        before = session_of(pair).expires_at
        clock.move(timedelta(days=6))
        new = refresh_session(pair.refresh)
        assert session_of(pair).expires_at == before
        assert family_of(pair).idle_expires_at == before
        assert new.refresh_expires_at <= before
        assert new.access_expires_at <= before

    def test_refresh_inside_a_transaction_raises(self, transactional_db):
        pair = make_pair()
        with transaction.atomic(), pytest.raises(OuterTransactionError):
            refresh_session(pair.refresh)
        assert refresh_session(pair.refresh).refresh


class TestSiblings:
    def test_five_sibling_refreshes_give_one_successor(self, pair):
        answers = [refresh_session(pair.refresh) for _ in range(5)]
        assert [answer.refresh is not None for answer in answers] == [True, *[False] * 4]
        assert [call(answer) for answer in answers] == ["ok"] * 5
        assert family_of(pair).generation == 2

    def test_sibling_presenting_successor_gets_same_token(self, pair):
        new = refresh_session(pair.refresh)
        again = refresh_session(new.refresh)
        assert again.refresh == new.refresh
        assert again.refresh_expires_at == new.refresh_expires_at
        assert family_of(pair).generation == 2

    @pytest.mark.parametrize("companion", [True, False])
    def test_serving_siblings_writes_at_most_once_per_rotation(self, pair, companion):
        request = companion_request(pair) if companion else None
        new = refresh_session(pair.refresh, request=request)
        written = [] if companion else ["UPDATE"]
        for token, statements in (
            (new.refresh, []),
            (pair.refresh, written),
            (pair.refresh, []),
            (new.refresh, []),
        ):
            with CaptureQueriesContext(connection) as queries:
                refresh_session(token, request=request)
            assert [query["sql"].split()[0] for query in queries] == ["SELECT", *statements]

    def test_access_tokens_of_siblings_stay_valid(self, pair, clock):
        new = rotated(pair, clock)
        assert call(pair) == "ok"
        newest = rotated(new, clock)
        assert call(pair) == "token_not_valid/token_superseded"
        assert call(new) == "ok"
        assert call(newest) == "ok"


class TestLostResponse:
    @pytest.mark.parametrize(
        "wait", [timedelta(seconds=1), timedelta(hours=1), timedelta(days=6, hours=23)]
    )
    def test_retry_after_lost_response_succeeds(self, pair, clock, wait):
        refresh_session(pair.refresh)  # The client does not receive the answer.
        clock.move(wait)
        answer = refresh_session(pair.refresh)
        assert call(answer) == "ok"
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(answer.refresh or pair.refresh)) == "ok"

    def test_recovery_invalidates_lost_successor(self, pair, clock):
        lost = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        assert recovered.refresh not in {None, lost.refresh}
        assert call(lost) == "token_not_valid/token_superseded"
        assert refused(lost.refresh) == "refresh_superseded"
        clock.move(AFTER_OVERLAP)
        assert refused(lost.refresh) == "session_revoked"
        assert call(recovered) == "session_revoked"

    def test_ninth_recovery_in_a_row_is_refused_without_accusation(self, pair, clock):
        refresh_session(pair.refresh)
        for _ in range(8):
            clock.move(AFTER_OVERLAP)
            assert refresh_session(pair.refresh).refresh
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/recovery_limit"
        assert session_of(pair).revoked_reason == "recovery_limit"
        assert kinds(pair) == ["signed_in", "limit_reached"]
        assert refused(pair.refresh) == "session_revoked"

    def test_delivered_successor_resets_recovery_count(self, pair, clock):
        for _ in range(3):
            refresh_session(pair.refresh)
            for _ in range(7):
                clock.move(AFTER_OVERLAP)
                pair_after = refresh_session(pair.refresh)
            clock.move(AFTER_OVERLAP)
            pair = refresh_session(pair_after.refresh)
            clock.move(AFTER_OVERLAP)
        assert call(pair) == "ok"

    def test_recovery_disabled_treats_retry_as_reuse(self, pair, clock, options):
        options(LOST_RESPONSE_RECOVERY=False)
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"


class TestDelivery:
    def test_delivery_is_recorded_once_at_first_call(self, pair, clock):
        new = refresh_session(pair.refresh)
        clock.move(STORED_BY_THEN - timedelta(microseconds=1))
        with CaptureQueriesContext(connection) as queries:
            check_access_token(new.access)
        assert len(queries) == 1
        assert family_of(pair).delivered_at is None
        clock.move(timedelta(microseconds=1))
        check_access_token(new.access)
        first = family_of(pair).delivered_at
        assert first == clock.now
        clock.move(timedelta(minutes=1))
        with CaptureQueriesContext(connection) as queries:
            check_access_token(new.access)
        assert len(queries) == 1
        assert family_of(pair).delivered_at == first

    def test_delivery_is_not_recorded_for_older_token(self, pair):
        refresh_session(pair.refresh)
        check_access_token(pair.access)
        assert family_of(pair).delivered_at is None

    def test_delivery_is_not_recorded_without_recoverable_token(self, pair):
        with CaptureQueriesContext(connection) as queries:
            check_access_token(pair.access)
        assert len(queries) == 1
        assert family_of(pair).delivered_at is None

    @pytest.mark.parametrize("crashed_after", [1, 3, 20, 40])
    def test_client_with_lost_newest_token_is_not_accused(self, pair, clock, crashed_after):
        """Browsers write cookies up to 30 seconds late; a crash loses them."""
        new = refresh_session(pair.refresh)
        clock.move(timedelta(seconds=crashed_after))
        check_access_token(new.access)
        clock.move(AFTER_OVERLAP)
        assert refresh_session(pair.refresh).refresh

    def test_refreshed_token_counts_as_delivered_at_once(self, pair, clock):
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(new.refresh)
        assert refused(pair.refresh) == "session_revoked"

    @pytest.mark.parametrize(
        ("after", "recovers"), [(None, True), (timedelta(0), False), (timedelta(hours=1), True)]
    )
    def test_delivery_age_follows_settings(self, pair, clock, options, after, recovers):
        options(CONFIRM_DELIVERY_AFTER=after)
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        check_access_token(new.access)
        if recovers:
            assert refresh_session(pair.refresh).refresh
        else:
            assert refused(pair.refresh) == "session_revoked"


class TestTokenAheadOfDatabase:
    def test_token_ahead_of_database_is_accepted(self, pair, clock):
        """A failover lost the newest writes; the client has their results."""
        new = rotated(pair, clock, times=3)
        TokenFamily.objects.filter(pk=pair.family.pk).update(generation=2, redeemable_generation=1)
        assert call(new) == "token_not_valid/token_superseded"
        healed = refresh_session(new.refresh)
        assert (family_of(pair).generation, family_of(pair).redeemable_generation) == (5, 4)
        assert call(healed) == "ok"
        assert kinds(pair) == ["signed_in", "token_ahead_of_database"]
