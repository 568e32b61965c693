"""A failover that loses the newest writes: rows return to an earlier state.

Tokens of the lost writes are still validly signed, and their holders are honest. Lost logins and
lost revocations cannot be restored; only synchronous replication prevents that.
"""

from datetime import timedelta

import pytest

from refresh_sessions.exceptions import RefreshSupersededError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.domain.client_actions import (
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
    """Stores all rows and restores them."""

    def __init__(self):
        self.families = list(TokenFamily.objects.all())
        self.sessions = list(DeviceSession.objects.all())
        self.events = set(SessionEvent.objects.values_list("pk", flat=True))

    def restore(self):
        DeviceSession.objects.exclude(pk__in=[session.pk for session in self.sessions]).delete()
        TokenFamily.objects.exclude(pk__in=[family.pk for family in self.families]).delete()
        SessionEvent.objects.exclude(pk__in=self.events).delete()
        TokenFamily.objects.bulk_update(self.families, FAMILY_FIELDS)
        DeviceSession.objects.bulk_update(self.sessions, ["revoked_at", "revoked_reason"])


@pytest.mark.parametrize("lost", [1, 2, 5])
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_failover_client_with_newer_token_refreshes(clock, lost, used):
    pair = rotated_pair(make_pair())
    failover = Failover()
    for _ in range(lost):
        pair = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
    if used:
        assert call(pair) == "ok"
    failover.restore()
    newer = refresh_session(pair.refresh)
    assert (family_of(pair).generation, call(newer)) == (lost + 3, "ok")
    clock.move(AFTER_OVERLAP)
    assert call(refresh_session(newer.refresh)) == "ok"
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_failover_access_token_of_lost_generation_requires_refresh(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.restore()
    assert call(newer) == "token_not_valid/token_superseded"
    assert call(refresh_session(newer.refresh)) == "ok"


def test_failover_parallel_refreshes_get_one_token(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.restore()
    winner, *siblings = [refresh_session(newer.refresh) for _ in range(3)]
    assert [sibling.refresh for sibling in siblings] == [None, None]
    assert {call(answer) for answer in (winner, *siblings)} == {"ok"}
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_failover_lost_answer_afterwards_recovers(clock):
    pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.restore()
    refresh_session(newer.refresh)
    clock.move(AFTER_OVERLAP)
    again = refresh_session(newer.refresh)
    assert call(again) == "ok"
    clock.move(AFTER_OVERLAP)
    assert call(refresh_session(again.refresh)) == "ok"
    assert kinds(pair) == ["signed_in", "token_ahead_of_database"]


def test_failover_client_without_refresh_since_is_unaffected(clock):
    pair = rotated_pair(make_pair())
    Failover().restore()
    assert call(refresh_session(pair.refresh)) == "ok"
    assert kinds(pair) == ["signed_in"]


@pytest.mark.parametrize("order", [(4, 3), (3, 4)], ids=["newest first", "sibling first"])
@pytest.mark.parametrize("companion", [True, False], ids=["companion", "no companion"])
def test_failover_siblings_with_two_tokens_never_report_reuse(clock, order, companion):
    """One tab has the newest token, and a request with the token before is in transit."""
    login = make_pair()
    request = companion_request(login) if companion else None
    pair = {1: login}
    failovers = {}
    for generation in (2, 3, 4):
        pair[generation] = refresh_session(pair[generation - 1].refresh, request=request)
        failovers[generation] = Failover()
        clock.move(AFTER_OVERLAP)
    failovers[2].restore()
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


def test_failover_lost_delivery_is_recorded_by_next_call(clock):
    pair = rotated_pair(make_pair())
    failover = Failover()
    assert call(pair) == "ok"
    failover.restore()
    assert family_of(pair).delivered_at is None
    assert call(pair) == "ok"
    assert family_of(pair).delivered_at is not None


def test_failover_attacker_with_restored_token_is_detected(clock):
    """The attacker has the token of the restored row, so two tokens get the same generation."""
    stolen = pair = make_pair()
    failover = Failover()
    newer = refresh_session(pair.refresh)
    failover.restore()
    clock.move(AFTER_OVERLAP)
    attackers_pair = refresh_session(stolen.refresh)
    assert call(attackers_pair) == "ok"
    clock.move(AFTER_OVERLAP)
    newest = refresh_session(newer.refresh)
    delivered(newest, clock)
    assert refused(attackers_pair.refresh) == "session_revoked"
    assert kinds(pair) == ["signed_in", "reuse_detected"]
    assert {call(attackers_pair), call(newest)} == {"session_revoked"}


def test_failover_lost_login_tokens_are_refused(clock):
    make_pair()
    failover = Failover()
    pair = make_pair()
    failover.restore()
    assert (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")
    assert not SessionEvent.objects.exclude(kind="signed_in").exists()


class TestLostRevocation:
    """A lost revocation makes the session valid again."""

    @pytest.fixture
    def pair(self):
        pair = make_pair()
        failover = Failover()
        revoke_session(pair.session, reason="admin")
        assert call(pair) == "session_revoked"
        failover.restore()
        return pair

    def test_lost_revocation_session_is_valid_again(self, pair):
        assert call(pair) == "ok"
        assert call(refresh_session(pair.refresh)) == "ok"

    def test_lost_revocation_can_be_repeated(self, pair):
        assert revoke_session(pair.session, reason="admin") is True
        assert call(pair) == "session_revoked"

    def test_lost_revocation_session_ends_at_hard_limit(self, pair, clock):
        clock.move(timedelta(days=7))
        assert refused(pair.refresh) == "session_expired/absolute"


def test_lost_revocation_in_database_is_kept_in_cache(options, clock):
    options(ACCESS_TOKEN_CHECK="cache", CACHE_TIMEOUT=timedelta(minutes=1))
    pair = make_pair()
    failover = Failover()
    assert call(pair) == "ok"
    revoke_session(pair.session, reason="admin")
    failover.restore()
    assert call(pair) == "session_revoked"
