"""Refreshing, as honest clients and thieves live through it."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from refresh_sessions.exceptions import InvalidTokenError, OuterTransactionError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session, revoke_session
from refresh_sessions.tokens import refresh
from tests.domain.stories import AFTER_OVERLAP, call, family_of, kinds, refused, session_of
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db


def rotated(pair, clock, times=1):
    """Refresh an honest client that uses each of its tokens."""
    for _ in range(times):
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        check_access_token(pair.access)
    return pair


class TestRotation:
    def test_gives_new_tokens(self, pair):
        new = refresh_session(pair.refresh)
        assert new.refresh not in {None, pair.refresh}
        assert new.access != pair.access
        assert call(new) == "ok"

    def test_grows_by_one_and_adds_no_row(self, pair, clock):
        rows = (TokenFamily.objects.count(), SessionEvent.objects.count())
        rotated(pair, clock, times=5)
        family = family_of(pair)
        assert (family.generation, family.redeemable_generation) == (6, 5)
        assert (TokenFamily.objects.count(), SessionEvent.objects.count()) == rows

    def test_takes_one_select_and_one_update(self, pair):
        with CaptureQueriesContext(connection) as queries:
            refresh_session(pair.refresh)
        assert [query["sql"].split()[0] for query in queries] == ["SELECT", "UPDATE"]

    def test_first_refresh_rotates_even_right_after_sign_in(self, pair):
        assert refresh_session(pair.refresh).refresh != pair.refresh

    def test_does_not_look_at_the_access_token(self, pair, clock):
        clock.move(timedelta(hours=5))
        assert call(pair) == "token_not_valid/token_expired"
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_notes_the_last_address(self, pair, rf):
        refresh_session(pair.refresh, request=rf.get("/", REMOTE_ADDR="203.0.113.5"))
        assert family_of(pair).last_ip_address == "203.0.113.5"

    def test_moves_the_idle_limit_and_never_the_hard_one(self, pair, clock, options):
        before = session_of(pair).expires_at
        clock.move(timedelta(days=6))
        new = refresh_session(pair.refresh)
        assert session_of(pair).expires_at == before
        assert family_of(pair).idle_expires_at == before
        assert new.refresh_expires_at <= before
        assert new.access_expires_at <= before

    def test_inside_a_transaction_it_fails_loudly(self, transactional_db):
        pair = make_pair()
        with transaction.atomic(), pytest.raises(OuterTransactionError):
            refresh_session(pair.refresh)
        assert refresh_session(pair.refresh).refresh


class TestSiblings:
    def test_five_tabs(self, pair):
        answers = [refresh_session(pair.refresh) for _ in range(5)]
        assert [answer.refresh is not None for answer in answers] == [True, *[False] * 4]
        assert [call(answer) for answer in answers] == ["ok"] * 5
        assert family_of(pair).generation == 2

    def test_a_sibling_with_the_successor_gets_it_echoed(self, pair):
        new = refresh_session(pair.refresh)
        again = refresh_session(new.refresh)
        assert again.refresh == new.refresh
        assert again.refresh_expires_at == new.refresh_expires_at
        assert family_of(pair).generation == 2

    def test_serving_siblings_writes_nothing(self, pair):
        new = refresh_session(pair.refresh)
        for token in (pair.refresh, new.refresh):
            with CaptureQueriesContext(connection) as queries:
                refresh_session(token)
            assert [query["sql"].split()[0] for query in queries] == ["SELECT"]

    def test_access_tokens_of_siblings_go_on(self, pair, clock):
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
    def test_the_retry_goes_on(self, pair, clock, wait):
        refresh_session(pair.refresh)  # the answer never arrives
        clock.move(wait)
        answer = refresh_session(pair.refresh)
        assert call(answer) == "ok"
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(answer.refresh or pair.refresh)) == "ok"

    def test_recovering_kills_the_lost_successor(self, pair, clock):
        lost = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        assert recovered.refresh not in {None, lost.refresh}
        assert call(lost) == "token_not_valid/token_superseded"
        assert refused(lost.refresh) == "refresh_superseded"
        clock.move(AFTER_OVERLAP)
        assert refused(lost.refresh) == "session_revoked"
        assert call(recovered) == "session_revoked"

    def test_drops_the_proof_of_identity(self, pair, clock):
        assert check_access_token(pair.access).claims.authentication_methods == ()
        pair = make_pair(methods=("pwd",))
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        claims = check_access_token(recovered.access).claims
        assert claims.authenticated_at is None
        assert claims.authentication_methods == ()

    def test_eight_in_a_row_and_the_ninth_accuses_nobody(self, pair, clock):
        refresh_session(pair.refresh)
        for _ in range(8):
            clock.move(AFTER_OVERLAP)
            assert refresh_session(pair.refresh).refresh
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/recovery_limit"
        assert session_of(pair).revoked_reason == "recovery_limit"
        assert kinds(pair) == ["signed_in", "limit_reached"]
        assert refused(pair.refresh) == "session_revoked"

    def test_a_delivered_successor_ends_the_count(self, pair, clock):
        for _ in range(3):
            refresh_session(pair.refresh)
            for _ in range(7):
                clock.move(AFTER_OVERLAP)
                pair_after = refresh_session(pair.refresh)
            clock.move(AFTER_OVERLAP)
            pair = refresh_session(pair_after.refresh)
            clock.move(AFTER_OVERLAP)
        assert call(pair) == "ok"

    def test_can_be_turned_off(self, pair, clock, options):
        options(LOST_RESPONSE_RECOVERY=False)
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"


class TestReuse:
    def test_a_used_token_whose_successor_was_seen_ends_the_session(self, pair, clock):
        new = rotated(pair, clock)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"
        assert call(new) == "session_revoked"
        assert refused(new.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    @pytest.mark.parametrize("generation", [2, 40])
    def test_two_behind_at_any_time(self, pair, clock, generation):
        """Also inside the overlap, and one second before the hard expiry."""
        old = pair
        new = rotated(pair, clock, times=generation)
        clock.move(session_of(pair).expires_at - clock.now - timedelta(seconds=1))
        assert refused(old.refresh) == "session_revoked"
        assert session_of(new).revoked_reason == "reuse"

    def test_two_behind_inside_the_overlap(self, pair, clock):
        rotated(pair, clock, times=2)
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_the_event_tells_both_presenters(self, pair, clock, rf):
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh, request=rf.get("/", REMOTE_ADDR="203.0.113.5"))
        pair_two = family_of(pair)
        clock.move(AFTER_OVERLAP)
        TokenFamily.objects.filter(pk=pair_two.pk).update(delivered_at=clock.now)
        thief = rf.get("/", REMOTE_ADDR="198.51.100.7", HTTP_USER_AGENT="curl/8")
        refused(pair.refresh, request=thief)
        event = session_of(pair).events.get(kind="reuse_detected")
        assert event.ip_address == "198.51.100.7"
        assert event.details == {
            "reason": "reuse",
            "generation": 1,
            "newest_generation": 2,
            "ip_address": "198.51.100.7",
            "user_agent": "curl/8",
            "other_ip_address": "203.0.113.5",
            "other_user_agent": "",
        }

    def test_another_session_of_the_user_goes_on(self, user, clock):
        stolen, other = make_pair(user), make_pair(user)
        rotated(stolen, clock, times=2)
        refused(stolen.refresh)
        assert call(refresh_session(other.refresh)) == "ok"


class TestDelivery:
    def test_the_first_call_with_the_newest_token_is_noted_once(self, pair, clock):
        new = refresh_session(pair.refresh)
        assert family_of(pair).delivered_at is None
        check_access_token(new.access)
        first = family_of(pair).delivered_at
        assert first == clock.now
        clock.move(timedelta(minutes=1))
        with CaptureQueriesContext(connection) as queries:
            check_access_token(new.access)
        assert len(queries) == 1
        assert family_of(pair).delivered_at == first

    def test_a_call_with_the_older_token_proves_nothing(self, pair):
        refresh_session(pair.refresh)
        check_access_token(pair.access)
        assert family_of(pair).delivered_at is None

    def test_not_noted_where_nothing_could_be_redeemed(self, pair):
        with CaptureQueriesContext(connection) as queries:
            check_access_token(pair.access)
        assert len(queries) == 1
        assert family_of(pair).delivered_at is None

    def test_turned_off_a_used_token_can_be_taken_back(self, pair, clock, options):
        options(CONFIRM_DELIVERY=False)
        check_access_token(refresh_session(pair.refresh).access)
        assert family_of(pair).delivered_at is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(pair.refresh).refresh


class TestLimits:
    def test_hard_limit(self, pair, clock):
        clock.move(timedelta(days=4))
        pair = refresh_session(pair.refresh)
        clock.move(session_of(pair).expires_at - clock.now - timedelta(microseconds=1))
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(microseconds=1))
        assert refused(pair.refresh) == "session_expired/absolute"
        assert call(pair) == "token_not_valid/token_expired"
        assert kinds(pair) == ["signed_in"]

    def test_idle_limit(self, pair, clock, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(hours=1))
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(hours=1) - timedelta(microseconds=1))
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(hours=1))
        assert refused(pair.refresh) == "session_expired/idle"
        assert session_of(pair).revoked_at is None

    def test_an_idle_session_refuses_its_access_tokens(self, options, clock):
        options(REFRESH_TOKEN_LIFETIME=timedelta(minutes=1))
        pair = make_pair()
        clock.move(timedelta(minutes=1))
        assert call(pair) == "token_not_valid/token_expired"

    def test_number_of_refreshes(self, pair, clock, options):
        options(MAX_REFRESHES_PER_SESSION=3)
        pair = rotated(pair, clock, times=3)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/refresh_limit"
        assert refused(pair.refresh) == "session_expired/refresh_limit"
        assert call(pair) == "ok"

    def test_number_of_refreshes_is_asked_for_only_to_make_one_more(
        self, pair, options, django_assert_num_queries
    ):
        options(MAX_REFRESHES_PER_SESSION=3)
        refresh_session(pair.refresh)
        with django_assert_num_queries(1):
            assert refresh_session(pair.refresh).refresh is None

    def test_access_tokens_end_with_the_session(self, options, clock):
        options(SESSION_LIFETIME=timedelta(minutes=5))
        pair = make_pair()
        assert pair.access_expires_at <= session_of(pair).expires_at
        assert pair.refresh_expires_at <= session_of(pair).expires_at


class TestAccount:
    def test_deactivated(self, pair, user):
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "user_inactive"

    def test_deleted(self, pair, user):
        user.delete()
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert not DeviceSession.objects.exists()

    def test_another_password_by_whatever_path(self, pair, user):
        user.set_password("another")
        type(user).objects.filter(pk=user.pk).update(password=user.password)
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "password_changed"

    def test_a_rotated_secret_key_signs_nobody_out(self, pair, clock, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "n" * 50
        assert call(pair) == "ok"
        new = refresh_session(pair.refresh)
        settings.SECRET_KEY_FALLBACKS = []
        assert call(new) == "ok"
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(new.refresh)) == "ok"


class TestHealing:
    def test_a_newer_token_than_the_row_is_taken(self, pair, clock):
        """The newest writes were lost in a failover; the client has their results."""
        new = rotated(pair, clock, times=3)
        TokenFamily.objects.filter(pk=pair.family.pk).update(generation=2, redeemable_generation=1)
        assert call(new) == "token_not_valid/token_superseded"
        healed = refresh_session(new.refresh)
        assert (family_of(pair).generation, family_of(pair).redeemable_generation) == (5, 4)
        assert call(healed) == "ok"
        assert kinds(pair) == ["signed_in", "healed"]


class TestForeignTokens:
    def test_garbage_reads_nothing(self, pair, django_assert_num_queries):
        with django_assert_num_queries(0), pytest.raises(InvalidTokenError):
            refresh_session("a.b.c")

    def test_a_signed_token_with_a_wrong_secret(self, pair, django_assert_num_queries):
        """A leaked signing key alone forges nothing, and ends nothing."""
        forged = refresh.issue(
            session_id=pair.session.pk,
            family_id=pair.family.pk,
            generation=1,
            expires_at=pair.refresh_expires_at,
            secret=refresh.new_secret(),
        )
        with django_assert_num_queries(1):
            assert refused(forged) == "session_revoked"
        assert call(pair) == "ok"

    def test_a_secret_swapped_between_families(self, pair):
        secret = refresh.verify(make_pair().refresh).secret
        forged = refresh.issue(
            session_id=pair.session.pk,
            family_id=pair.family.pk,
            generation=1,
            expires_at=pair.refresh_expires_at,
            secret=secret,
        )
        assert refused(forged) == "session_revoked"
        assert call(pair) == "ok"

    def test_the_family_of_another_session(self, pair):
        own = refresh.verify(pair.refresh)
        forged = refresh.issue(
            session_id=make_pair(UserFactory()).session.pk,
            family_id=own.family_id,
            generation=1,
            expires_at=own.expires_at,
            secret=own.secret,
        )
        assert refused(forged) == "session_revoked"

    def test_a_session_that_was_pruned(self, pair):
        DeviceSession.objects.all().delete()
        assert refused(pair.refresh) == "session_revoked"

    def test_a_revoked_session(self, pair):
        revoke_session(pair.session, reason="admin")
        assert refused(pair.refresh) == "session_revoked"
        assert kinds(pair) == ["signed_in", "revoked"]
