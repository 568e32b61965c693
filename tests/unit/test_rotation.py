"""The rule as a truth table, with the instants on either side of every edge."""

from datetime import UTC, datetime, timedelta

import pytest

from refresh_sessions.exceptions import ExpiryReason
from refresh_sessions.rotation import (
    FamilyState,
    Rules,
    Verdict,
    judge,
    may_mint,
    redeemable_after_proof,
    rotates_on_proof,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OVERLAP = timedelta(seconds=10)
IDLE = timedelta(days=1)
HARD = timedelta(days=7)
LATER = OVERLAP + timedelta(minutes=1)

RULES = Rules(overlap=OVERLAP, lost_response_recovery=True)


def family(**changes) -> FamilyState:
    """Rotated from generation 4 to 5 at T0; nobody has been seen with 5 yet."""
    state = {
        "generation": 5,
        "redeemable_generation": 4,
        "rotated_at": T0,
        "delivered_at": None,
        "idle_expires_at": T0 + IDLE,
        "expires_at": T0 + HARD,
        "ended": False,
        "account_changed": False,
    }
    return FamilyState(**{**state, **changes})


def verdict(generation, state=None, *, after=LATER, rules=RULES, token_expires_at=T0 + IDLE):
    return judge(
        generation,
        state or family(),
        token_expires_at=token_expires_at,
        now=T0 + after,
        rules=rules,
    )


STRICT = Rules(overlap=timedelta(0), lost_response_recovery=False)


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (3, timedelta(0), Verdict.REUSED),
        (4, timedelta(0), Verdict.ACCESS_ONLY),
        (5, timedelta(0), Verdict.UNCHANGED),
        (6, timedelta(0), Verdict.HEAL),
        (3, OVERLAP - TICK, Verdict.REUSED),
        (4, OVERLAP - TICK, Verdict.ACCESS_ONLY),
        (5, OVERLAP / 2 - TICK, Verdict.UNCHANGED),
        (5, OVERLAP / 2, Verdict.ACCESS_ONLY),
        (5, OVERLAP - TICK, Verdict.ACCESS_ONLY),
        (6, OVERLAP - TICK, Verdict.HEAL),
        (3, OVERLAP, Verdict.REUSED),
        (4, OVERLAP, Verdict.RECOVER),
        (5, OVERLAP, Verdict.ROTATE),
        (6, OVERLAP, Verdict.HEAL),
        (900, OVERLAP, Verdict.HEAL),
        (1, OVERLAP, Verdict.REUSED),
    ],
)
def test_generation_against_overlap(generation, after, expected):
    assert verdict(generation, after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [(3, Verdict.REUSED), (4, Verdict.REUSED), (5, Verdict.ROTATE), (6, Verdict.HEAL)],
)
def test_a_token_is_dead_once_its_successor_was_seen_in_use(generation, expected):
    assert verdict(generation, family(delivered_at=T0 + TICK)) is expected


@pytest.mark.parametrize("generation", [4, 5])
def test_siblings_are_served_even_after_the_successor_was_seen_in_use(generation):
    state = family(delivered_at=T0 + TICK)
    assert verdict(generation, state, after=OVERLAP - TICK) in {
        Verdict.ACCESS_ONLY,
        Verdict.UNCHANGED,
    }


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (4, timedelta(0), Verdict.ACCESS_ONLY),
        (5, timedelta(0), Verdict.SUPERSEDED),
        (6, timedelta(0), Verdict.SUPERSEDED),
        (7, timedelta(0), Verdict.UNCHANGED),
        (4, OVERLAP, Verdict.RECOVER),
        (5, OVERLAP, Verdict.REUSED),
        (6, OVERLAP, Verdict.REUSED),
        (7, OVERLAP, Verdict.ROTATE),
    ],
)
def test_lineages_taken_back_by_recoveries(generation, after, expected):
    assert verdict(generation, family(generation=7), after=after) is expected


def test_first_refresh_after_sign_in_rotates_at_once():
    new = family(generation=1, redeemable_generation=None, rotated_at=None)
    assert verdict(1, new, after=timedelta(0)) is Verdict.ROTATE


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (3, timedelta(0), Verdict.REUSED),
        (4, timedelta(0), Verdict.REUSED),
        (5, timedelta(0), Verdict.ROTATE),
        (6, timedelta(0), Verdict.HEAL),
    ],
)
def test_strict_mode_takes_used_tokens_at_no_time(generation, after, expected):
    assert verdict(generation, after=after, rules=STRICT) is expected


def test_a_token_that_a_proof_killed_in_strict_mode_is_reuse_however_old_it_is():
    proven = family(redeemable_generation=redeemable_after_proof(family(), rules=STRICT))
    assert verdict(4, proven, rules=STRICT, token_expires_at=T0) is Verdict.REUSED


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (5, IDLE - TICK, Verdict.ROTATE),
        (5, IDLE, Verdict.EXPIRED_IDLE),
        (5, IDLE + TICK, Verdict.EXPIRED_IDLE),
        (4, IDLE, Verdict.EXPIRED_IDLE),
        (3, IDLE, Verdict.REUSED),
        (5, HARD, Verdict.EXPIRED_ABSOLUTE),
        (4, HARD, Verdict.EXPIRED_ABSOLUTE),
        (3, HARD, Verdict.REUSED),
    ],
)
def test_expiry_of_the_row(generation, after, expected):
    assert verdict(generation, after=after) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [(HARD - TICK, Verdict.ROTATE), (HARD, Verdict.EXPIRED_ABSOLUTE)],
)
def test_hard_limit_to_the_microsecond(after, expected):
    assert verdict(5, family(idle_expires_at=T0 + HARD), after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (3, Verdict.REUSED),
        (4, Verdict.EXPIRED_IDLE),
        # The row knows the expiry of the newest token to the microsecond; exp is cut to seconds.
        (5, Verdict.ROTATE),
    ],
)
def test_a_used_token_is_bound_by_its_own_exp(generation, expected):
    assert verdict(generation, token_expires_at=T0 + LATER) is expected


@pytest.mark.parametrize("generation", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("after", [timedelta(0), LATER, IDLE, HARD])
def test_an_ended_session_answers_nothing_else(generation, after):
    ended = family(ended=True, account_changed=True)
    assert verdict(generation, ended, after=after) is Verdict.REVOKED


@pytest.mark.parametrize("generation", [1, 3, 4, 5, 6])
def test_a_changed_account_comes_before_reuse_and_expiry(generation):
    state = family(account_changed=True)
    assert verdict(generation, state, after=HARD) is Verdict.ACCOUNT_CHANGED


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (11, Verdict.RECOVER),  # seven recoveries so far
        (12, Verdict.RECOVER),  # eight: the last one allowed has just been lost as well
        (13, Verdict.RECOVERY_LIMIT),
    ],
)
def test_recoveries_in_a_row(generation, expected):
    # Generation 4 is redeemable: 5 was the rotation, each one after it a recovery.
    assert verdict(4, family(generation=generation)) is expected


@pytest.mark.parametrize(
    ("generation", "maximum", "elsewhere", "expected"),
    [
        (5, None, 99, True),
        (5, 5, 0, True),
        (5, 4, 0, False),
        (5, 5, 1, False),
        (5, 6, 1, True),
        # A recovery takes the place of what was lost, and counts all the same.
        (4, 5, 0, True),
        (4, 4, 0, False),
        # A token from a future that the database has lost.
        (8, 8, 0, True),
        (8, 7, 0, False),
    ],
)
def test_limit_of_refreshes(generation, maximum, elsewhere, expected):
    allowed = may_mint(generation, family(), max_refreshes=maximum, elsewhere=elsewhere)
    assert allowed is expected


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (5, OVERLAP - TICK, False),
        (5, OVERLAP, True),
        (5, LATER, True),
        # The token before stays what it is: nobody knows whether its successor arrived.
        (4, OVERLAP - TICK, False),
        (4, LATER, False),
    ],
)
def test_proof_of_identity_rotates_the_newest_outside_the_overlap(generation, after, expected):
    assert rotates_on_proof(generation, family(), now=T0 + after, rules=RULES) is expected


def test_proof_of_identity_rotates_at_once_after_sign_in():
    new = family(generation=1, redeemable_generation=None, rotated_at=None)
    assert rotates_on_proof(1, new, now=T0, rules=RULES)


def test_every_expiry_has_a_reason_and_nothing_else_has():
    reasons = {item: item.expiry for item in Verdict if item.expiry}
    assert reasons == {
        Verdict.EXPIRED_ABSOLUTE: ExpiryReason.ABSOLUTE,
        Verdict.EXPIRED_IDLE: ExpiryReason.IDLE,
        Verdict.REFRESH_LIMIT: ExpiryReason.REFRESH_LIMIT,
        Verdict.RECOVERY_LIMIT: ExpiryReason.RECOVERY_LIMIT,
    }
