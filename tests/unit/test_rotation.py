"""The rotation rule as a truth table, with the instants on both sides of each limit."""

from datetime import UTC, datetime, timedelta

import pytest

from refresh_sessions.exceptions import ExpiryReason
from refresh_sessions.rotation import (
    FamilyState,
    Presenter,
    Rules,
    Verdict,
    judge,
    keeps_opened_family,
    may_write_back,
    redeemable_after_reauthentication,
    rotates_on_reauthentication,
    tolerated_after_rotation,
    within_refresh_limit,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OVERLAP = timedelta(seconds=10)
IDLE = timedelta(days=1)
HARD = timedelta(days=7)
LATER = OVERLAP + timedelta(minutes=1)

RULES = Rules(overlap=OVERLAP, lost_response_recovery=True)


def family(**changes) -> FamilyState:
    """A family rotated from generation 4 to 5 at T0; 5 is not delivered yet."""
    state = {
        "generation": 5,
        "redeemable_generation": 4,
        "rotated_at": T0,
        "delivered_at": None,
        "idle_expires_at": T0 + IDLE,
        "expires_at": T0 + HARD,
        "revoked": False,
        "account_changed": False,
    }
    return FamilyState(**{**state, **changes})


STRANGER = Presenter()
OWNER = Presenter(resembles_last_client=True)
COMPANION = Presenter(shows_companion=True, resembles_last_client=True)


def verdict(
    generation,
    state=None,
    *,
    after=LATER,
    rules=RULES,
    token_expires_at=T0 + IDLE,
    presenter=STRANGER,
):
    return judge(
        generation,
        state or family(),
        presenter=presenter,
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
        (5, timedelta(0), Verdict.RESEND),
        (6, timedelta(0), Verdict.AHEAD_OF_DATABASE),
        (3, OVERLAP - TICK, Verdict.REUSED),
        (4, OVERLAP - TICK, Verdict.ACCESS_ONLY),
        (5, OVERLAP / 3 - TICK, Verdict.RESEND),
        (5, OVERLAP / 3 + TICK, Verdict.ACCESS_ONLY),
        (5, OVERLAP - TICK, Verdict.ACCESS_ONLY),
        (6, OVERLAP - TICK, Verdict.AHEAD_OF_DATABASE),
        (3, OVERLAP, Verdict.REUSED),
        (4, OVERLAP, Verdict.RECOVER),
        (5, OVERLAP, Verdict.ROTATE),
        (6, OVERLAP, Verdict.AHEAD_OF_DATABASE),
        (900, OVERLAP, Verdict.AHEAD_OF_DATABASE),
        (1, OVERLAP, Verdict.REUSED),
    ],
)
def test_verdict_depends_on_generation_within_overlap(generation, after, expected):
    assert verdict(generation, after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (3, Verdict.REUSED),
        (4, Verdict.REUSED),
        (5, Verdict.ROTATE),
        (6, Verdict.AHEAD_OF_DATABASE),
    ],
)
def test_used_token_is_reuse_after_delivery_of_successor(generation, expected):
    assert verdict(generation, family(delivered_at=T0 + TICK)) is expected


@pytest.mark.parametrize("generation", [4, 5])
def test_sibling_in_overlap_is_served_after_delivery_of_successor(generation):
    state = family(delivered_at=T0 + TICK)
    assert verdict(generation, state, after=OVERLAP - TICK) in {
        Verdict.ACCESS_ONLY,
        Verdict.RESEND,
    }


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (4, timedelta(0), Verdict.ACCESS_ONLY),
        (5, timedelta(0), Verdict.SUPERSEDED),
        (6, timedelta(0), Verdict.SUPERSEDED),
        (7, timedelta(0), Verdict.RESEND),
        (4, OVERLAP, Verdict.RECOVER),
        (5, OVERLAP, Verdict.REUSED),
        (6, OVERLAP, Verdict.REUSED),
        (7, OVERLAP, Verdict.ROTATE),
    ],
)
def test_token_lost_before_recovery_is_superseded_then_reuse(generation, after, expected):
    assert verdict(generation, family(generation=7), after=after) is expected


def test_first_refresh_after_login_rotates_at_once():
    new = family(generation=1, redeemable_generation=None, rotated_at=None)
    assert verdict(1, new, after=timedelta(0)) is Verdict.ROTATE


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (3, timedelta(0), Verdict.REUSED),
        (4, timedelta(0), Verdict.REUSED),
        (5, timedelta(0), Verdict.ROTATE),
        (6, timedelta(0), Verdict.AHEAD_OF_DATABASE),
    ],
)
def test_strict_mode_never_accepts_used_token(generation, after, expected):
    assert verdict(generation, after=after, rules=STRICT) is expected


def test_token_superseded_by_step_up_in_strict_mode_is_reuse():
    stepped_up = family(
        redeemable_generation=redeemable_after_reauthentication(family(), rules=STRICT)
    )
    assert verdict(4, stepped_up, rules=STRICT, token_expires_at=T0) is Verdict.REUSED


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
def test_idle_limit_of_row_expires_family(generation, after, expected):
    assert verdict(generation, after=after) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [(HARD - TICK, Verdict.ROTATE), (HARD, Verdict.EXPIRED_ABSOLUTE)],
)
def test_hard_limit_is_exact_to_the_microsecond(after, expected):
    assert verdict(5, family(idle_expires_at=T0 + HARD), after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (3, Verdict.REUSED),
        (4, Verdict.EXPIRED_IDLE),
        # The row stores the expiry of the newest token in microseconds; exp has whole seconds.
        (5, Verdict.ROTATE),
    ],
)
def test_used_token_expires_at_its_own_exp(generation, expected):
    assert verdict(generation, token_expires_at=T0 + LATER) is expected


@pytest.mark.parametrize("generation", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("after", [timedelta(0), LATER, IDLE, HARD])
@pytest.mark.parametrize("delivered_at", [None, T0])
def test_revoked_session_has_reuse_verdict_of_live_session(generation, after, delivered_at):
    live, changed = family(delivered_at=delivered_at), {"revoked": True, "account_changed": True}
    state = family(delivered_at=delivered_at, **changed)
    reused = verdict(generation, live, after=after) is Verdict.REUSED
    expected = Verdict.REUSED if reused else Verdict.REVOKED
    assert verdict(generation, state, after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [(3, Verdict.REUSED), (4, Verdict.ACCOUNT_CHANGED), (5, Verdict.ACCOUNT_CHANGED)],
)
def test_changed_account_verdict_ranks_between_reuse_expiry(generation, expected):
    assert verdict(generation, family(account_changed=True), after=HARD) is expected


@pytest.mark.parametrize("after", [LATER, IDLE, HARD])
def test_reuse_is_detected_after_each_expiry(after):
    assert verdict(4, family(delivered_at=T0), after=after, token_expires_at=T0) is Verdict.REUSED


class TestCompanion:
    """Generation 5 was rotated from 4; the attacker with a copied token lacks the cookie."""

    SHOWN = family(companion_generation=5)
    NOT_SHOWN = family(companion_generation=3)
    DELIVERED = family(companion_generation=3, delivered_at=T0)

    @pytest.mark.parametrize(
        ("generation", "after", "expected"),
        [
            (4, timedelta(0), Verdict.SUCCESSOR),
            (5, timedelta(0), Verdict.RESEND),
            (4, OVERLAP / 3 - TICK, Verdict.SUCCESSOR),
            (4, OVERLAP / 3 + TICK, Verdict.ACCESS_ONLY),
            (5, OVERLAP / 3 + TICK, Verdict.ACCESS_ONLY),
            (3, timedelta(0), Verdict.REUSED),
            (5, OVERLAP, Verdict.ROTATE),
        ],
    )
    def test_sibling_with_companion_gets_successor(self, generation, after, expected):
        assert verdict(generation, self.SHOWN, after=after, presenter=COMPANION) is expected

    @pytest.mark.parametrize("generation", [4, 5])
    @pytest.mark.parametrize("after", [timedelta(0), OVERLAP - TICK])
    @pytest.mark.parametrize("presenter", [STRANGER, OWNER])
    def test_presenter_without_companion_in_overlap_gets_no_token(
        self, generation, after, presenter
    ):
        answer = verdict(generation, self.SHOWN, after=after, presenter=presenter)
        assert answer is Verdict.SUPERSEDED

    @pytest.mark.parametrize("state", [NOT_SHOWN, DELIVERED, family(), family(delivered_at=T0)])
    @pytest.mark.parametrize("after", [timedelta(0), OVERLAP - TICK])
    def test_companion_in_overlap_overrides_rotation_without_companion(self, state, after):
        assert verdict(4, state, after=after, presenter=COMPANION) is Verdict.RECOVER

    @pytest.mark.parametrize("presenter", [STRANGER, OWNER, COMPANION])
    def test_used_token_after_overlap_is_reuse_with_each_companion(self, presenter):
        assert verdict(4, self.DELIVERED, presenter=presenter) is Verdict.REUSED

    def test_companion_overrides_recovery_limit(self):
        state = family(generation=13, companion_generation=3)
        assert verdict(4, state, after=timedelta(0), presenter=COMPANION) is Verdict.RECOVER

    def test_companion_without_recovery_overrides_nothing(self):
        rules = Rules(overlap=OVERLAP, lost_response_recovery=False)
        assert verdict(4, self.NOT_SHOWN, rules=rules, presenter=COMPANION) is Verdict.REUSED
        answer = verdict(4, self.NOT_SHOWN, rules=rules, presenter=COMPANION, after=timedelta(0))
        assert answer is Verdict.ACCESS_ONLY

    def test_companion_with_token_lost_before_recovery_gets_successor(self):
        state = family(generation=7, companion_generation=7)
        assert verdict(5, state, after=timedelta(0), presenter=COMPANION) is Verdict.SUCCESSOR
        assert verdict(5, state, presenter=COMPANION) is Verdict.REUSED


class TestForgiveness:
    """A sibling was answered without a refresh token, and may store the old one again."""

    ANSWERED = family(delivered_at=T0, sibling_answered=True)

    def test_client_like_the_last_one_is_not_accused(self):
        assert verdict(4, self.ANSWERED, presenter=OWNER) is Verdict.RECOVER

    def test_client_unlike_the_last_one_is_accused(self):
        assert verdict(4, self.ANSWERED, presenter=STRANGER) is Verdict.REUSED

    def test_client_without_answered_sibling_is_accused(self):
        assert verdict(4, family(delivered_at=T0), presenter=OWNER) is Verdict.REUSED

    def test_family_with_companion_forgives_companion_alone(self):
        state = family(delivered_at=T0, sibling_answered=True, companion_generation=2)
        assert verdict(4, state, presenter=OWNER) is Verdict.REUSED
        assert verdict(4, state, presenter=COMPANION) is Verdict.RECOVER

    def test_older_used_token_is_not_forgiven(self):
        assert verdict(3, self.ANSWERED, presenter=OWNER) is Verdict.REUSED


class TestRecoveriesByOthers:
    @pytest.mark.parametrize(
        ("made", "presenter", "expected"),
        [
            (0, STRANGER, Verdict.RECOVER),
            (1, STRANGER, Verdict.RECOVER),
            (2, STRANGER, Verdict.RECOVERY_LIMIT),
            (2, OWNER, Verdict.RECOVER),
            (2, COMPANION, Verdict.RECOVER),
        ],
    )
    def test_recoveries_by_other_clients_have_own_limit(self, made, presenter, expected):
        state = family(generation=7, recoveries_by_others=made)
        assert verdict(4, state, presenter=presenter) is expected


class TestToleratedGeneration:
    """Siblings may hold tokens from before a rotation that skipped the overlap."""

    @pytest.mark.parametrize(
        ("generation", "after", "expected"),
        [
            (1, timedelta(0), Verdict.REUSED),
            (2, timedelta(0), Verdict.SUPERSEDED),
            (3, OVERLAP - TICK, Verdict.SUPERSEDED),
            (4, timedelta(0), Verdict.ACCESS_ONLY),
            (3, OVERLAP, Verdict.REUSED),
        ],
    )
    def test_tolerated_generation_in_overlap_is_superseded(self, generation, after, expected):
        state = family(tolerated_generation=2)
        assert verdict(generation, state, after=after) is expected

    @pytest.mark.parametrize(
        ("reason", "after", "expected"),
        [
            (Verdict.AHEAD_OF_DATABASE, timedelta(0), 4),
            (Verdict.AHEAD_OF_DATABASE, LATER, 4),
            (Verdict.ROTATE, timedelta(0), 4),
            (Verdict.ROTATE, LATER, None),
            (Verdict.RECOVER, LATER, None),
        ],
    )
    def test_tolerated_generation_is_set_by_rotation_without_overlap(
        self, reason, after, expected
    ):
        found = tolerated_after_rotation(reason, family(), now=T0 + after, rules=RULES)
        assert found == expected


class TestOpenedFamily:
    """The rotation from 4 to 5 opened a family; its answer may be lost."""

    @pytest.mark.parametrize(
        ("shown", "presenter", "expected"),
        [
            (None, OWNER, Verdict.REUSED),
            (None, COMPANION, Verdict.RECOVER),
            (5, OWNER, Verdict.REUSED),
            (5, COMPANION, Verdict.RECOVER),
        ],
    )
    def test_recovery_after_use_of_opened_family_is_reuse(self, shown, presenter, expected):
        state = family(opened_family_used=True, companion_generation=shown)
        assert verdict(4, state, presenter=presenter) is expected

    def test_opened_family_survives_recovery_with_companion(self):
        assert keeps_opened_family(family(companion_generation=5), COMPANION)
        assert not keeps_opened_family(family(companion_generation=5), OWNER)
        assert not keeps_opened_family(family(companion_generation=4), COMPANION)

    @pytest.mark.parametrize(
        ("reason", "opens", "after", "expected"),
        [
            (Verdict.AHEAD_OF_DATABASE, False, LATER, True),
            (Verdict.ROTATE, True, timedelta(0), True),
            (Verdict.ROTATE, True, OVERLAP, False),
            (Verdict.ROTATE, False, OVERLAP, False),
            (Verdict.RECOVER, False, timedelta(0), False),
        ],
    )
    def test_late_answer_may_be_stored_after_rotation_without_overlap(
        self, reason, opens, after, expected
    ):
        now = T0 + after
        assert may_write_back(reason, family(), opens=opens, now=now, rules=RULES) is expected


class TestClosedFamily:
    @pytest.mark.parametrize("generation", [1, 4, 5, 6])
    @pytest.mark.parametrize(
        ("after", "expected"),
        [(OVERLAP - TICK, Verdict.SUPERSEDED), (OVERLAP, Verdict.REUSED), (HARD, Verdict.REUSED)],
    )
    def test_closed_family_is_superseded_then_reuse(self, generation, after, expected):
        assert verdict(generation, family(closed_at=T0), after=after) is expected


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (11, Verdict.RECOVER),  # seven recoveries so far
        (12, Verdict.RECOVER),  # eight: the last allowed answer was lost as well
        (13, Verdict.RECOVERY_LIMIT),
    ],
)
def test_ninth_recovery_in_a_row_is_refused(generation, expected):
    # Generation 4 is redeemable: 5 was the rotation, each later one a recovery.
    assert verdict(4, family(generation=generation)) is expected


@pytest.mark.parametrize(
    ("generation", "maximum", "elsewhere", "expected"),
    [
        (5, None, 99, True),
        (5, 5, 0, True),
        (5, 4, 0, False),
        (5, 5, 1, False),
        (5, 6, 1, True),
        # A recovery replaces the lost rotation, and counts as well.
        (4, 5, 0, True),
        (4, 4, 0, False),
        # A token ahead of the database.
        (8, 8, 0, True),
        (8, 7, 0, False),
    ],
)
def test_refresh_limit_counts_each_rotation(generation, maximum, elsewhere, expected):
    allowed = within_refresh_limit(
        generation, family(), max_refreshes=maximum, elsewhere=elsewhere
    )
    assert allowed is expected


@pytest.mark.parametrize(
    ("generation", "after", "expected"),
    [
        (5, OVERLAP - TICK, False),
        (5, OVERLAP, True),
        (5, LATER, True),
        # The previous token stays redeemable: the delivery of its successor is unknown.
        (4, OVERLAP - TICK, False),
        (4, LATER, False),
    ],
)
def test_reauthentication_rotates_newest_token_outside_overlap(generation, after, expected):
    assert (
        rotates_on_reauthentication(generation, family(), now=T0 + after, rules=RULES) is expected
    )


def test_reauthentication_rotates_at_once_after_login():
    new = family(generation=1, redeemable_generation=None, rotated_at=None)
    assert rotates_on_reauthentication(1, new, now=T0, rules=RULES)


def test_expiry_verdicts_alone_have_expiry_reason():
    reasons = {item: item.expiry for item in Verdict if item.expiry}
    assert reasons == {
        Verdict.EXPIRED_ABSOLUTE: ExpiryReason.ABSOLUTE,
        Verdict.EXPIRED_IDLE: ExpiryReason.IDLE,
        Verdict.REFRESH_LIMIT: ExpiryReason.REFRESH_LIMIT,
        Verdict.RECOVERY_LIMIT: ExpiryReason.RECOVERY_LIMIT,
    }
