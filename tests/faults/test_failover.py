"""A failover that loses the newest writes: rows go back to what they were moments before.

Tokens that were issued meanwhile are still signed by us, and their holders have done nothing
wrong. What the database has forgotten altogether, nobody can know any more: of a sign-in or a
revocation in the lost moments nothing remains. Only replication that waits helps against that.
"""

from datetime import timedelta

import pytest

from refresh_sessions.exceptions import RefreshSupersededError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.domain.stories import (
    AFTER_OVERLAP,
    call,
    companion_request,
    delivered,
    family_of,
    kinds,
    refused,
)
from tests.factories import make_pair
from tests.faults.scenarios import rotated_pair

pytestmark = pytest.mark.django_db

FAMILY_FIELDS = [
    "generation",
    "redeemable_generation",
    "rotated_at",
    "delivered_at",
    "idle_expires_at",
    "authenticated_at",
    "companion_generation",
    "sibling_answered_at",
    "tolerated_generation",
    "recoveries_by_others",
]


class Failover:
    """Remembers all rows, and brings them back as they were."""

    def __init__(self):
        self.families = list(TokenFamily.objects.all())
        self.sessions = list(DeviceSession.objects.all())
        self.events = set(SessionEvent.objects.values_list("pk", flat=True))

    def happen(self):
        DeviceSession.objects.exclude(pk__in=[session.pk for session in self.sessions]).delete()
        TokenFamily.objects.exclude(pk__in=[family.pk for family in self.families]).delete()
        SessionEvent.objects.exclude(pk__in=self.events).delete()
        TokenFamily.objects.bulk_update(self.families, FAMILY_FIELDS)
        DeviceSession.objects.bulk_update(self.sessions, ["revoked_at", "revoked_reason"])


@pytest.mark.parametrize("lost", [1, 2, 5])
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_the_holder_of_a_newer_token_goes_on(clock, lost, used):
    pair = rotated_pair(make_pair())
    failover = Failover()
    for _ in range(lost):
        pair = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
    if used:
        assert call(pair) == "ok"
    failover.happen()
    newer = refresh_session(pair.refresh)
    assert (family_of(pair).generation, call(newer)) == (lost + 3, "ok")
    clock.move(AFTER_OVERLAP)
    assert call(refresh_session(newer.refresh)) == "ok"
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_an_access_token_of_a_lost_generation_asks_for_a_refresh(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.happen()
    assert call(newer) == "token_not_valid/token_superseded"
    assert call(refresh_session(newer.refresh)) == "ok"


def test_tabs_that_come_at_once_after_it(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.happen()
    winner, *siblings = [refresh_session(newer.refresh) for _ in range(3)]
    assert [sibling.refresh for sibling in siblings] == [None, None]
    assert {call(answer) for answer in (winner, *siblings)} == {"ok"}
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_the_answer_after_it_gets_lost_too(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.happen()
    refresh_session(newer.refresh)
    clock.move(AFTER_OVERLAP)
    again = refresh_session(newer.refresh)
    assert call(again) == "ok"
    clock.move(AFTER_OVERLAP)
    assert call(refresh_session(again.refresh)) == "ok"
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_a_client_that_has_not_refreshed_since_notices_nothing(clock):
    pair = rotated_pair(make_pair())
    Failover().happen()
    assert call(refresh_session(pair.refresh)) == "ok"
    assert kinds(pair) == ["signed_in"]


@pytest.mark.parametrize("order", [(4, 3), (3, 4)], ids=["newest first", "sibling first"])
@pytest.mark.parametrize("companion", [True, False], ids=["companion", "no companion"])
def test_siblings_that_hold_two_tokens_are_not_accused(clock, order, companion):
    """One tab holds the newest token, and a request with the one before is under way."""
    login = make_pair()
    request = companion_request(login) if companion else None
    pair = {1: login}
    failovers = {}
    for generation in (2, 3, 4):
        pair[generation] = refresh_session(pair[generation - 1].refresh, request=request)
        failovers[generation] = Failover()
        clock.move(AFTER_OVERLAP)
    failovers[2].happen()
    stored = pair[4].refresh
    for generation in order:
        try:
            answer = refresh_session(pair[generation].refresh, request=request)
        except RefreshSupersededError:
            continue
        stored = answer.refresh or stored
    for _ in range(2):
        clock.move(AFTER_OVERLAP)
        answer = refresh_session(stored, request=request)
        stored = answer.refresh
        assert call(answer) == "ok"
    assert set(kinds(login)) == {"signed_in", "token_ahead_of_database"}


def test_a_lost_delivery_is_proven_again_by_the_next_call(clock):
    pair = rotated_pair(make_pair())
    failover = Failover()
    assert call(pair) == "ok"
    failover.happen()
    assert family_of(pair).delivered_at is None
    assert call(pair) == "ok"
    assert family_of(pair).delivered_at is not None


def test_a_thief_is_found_all_the_same(clock):
    """He has copied the token that the database goes back to, so his next has a number twice."""
    stolen = pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.happen()
    clock.move(AFTER_OVERLAP)
    thiefs = refresh_session(stolen.refresh)
    assert call(thiefs) == "ok"
    clock.move(AFTER_OVERLAP)
    newest = refresh_session(newer.refresh)
    delivered(newest, clock)
    assert refused(thiefs.refresh) == "session_revoked"
    assert kinds(pair) == ["signed_in", "reuse_detected"]
    assert {call(thiefs), call(newest)} == {"session_revoked"}


def test_a_lost_sign_in_has_to_be_done_again(clock):
    make_pair()
    failover = Failover()
    pair = make_pair()
    failover.happen()
    assert (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")
    assert not SessionEvent.objects.exclude(kind="signed_in").exists()


class TestLostRevocation:
    """The one thing that comes back to life, as the database has never heard of its end."""

    @pytest.fixture
    def pair(self):
        pair = make_pair()
        failover = Failover()
        revoke_session(pair.session, reason="admin")
        assert call(pair) == "session_revoked"
        failover.happen()
        return pair

    def test_is_lost(self, pair):
        assert call(pair) == "ok"
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_can_be_repeated(self, pair):
        assert revoke_session(pair.session, reason="admin") is True
        assert call(pair) == "session_revoked"

    def test_is_outlived_by_the_hard_expiry(self, pair, clock):
        clock.move(timedelta(days=7))
        assert refused(pair.refresh) == "session_expired/absolute"


def test_the_cache_remembers_an_end_that_the_database_lost(options, clock):
    options(ACCESS_TOKEN_CHECK="cache", CACHE_TIMEOUT=timedelta(minutes=1))
    pair = make_pair()
    failover = Failover()
    assert call(pair) == "ok"
    revoke_session(pair.session, reason="admin")
    failover.happen()
    assert call(pair) == "session_revoked"
