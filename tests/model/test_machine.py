"""The package against the reference: any token at any time in any order, on a real database.

Hypothesis generates event sequences and shrinks failing ones. The exhaustive search uses the same
reference, so its results apply to the package.
"""

import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.clock import standing_clock
from tests.model.comparison import OWNER, Comparison, StoredTokens
from tests.model.reference import RECOVERIES, Confirm, Rule
from tests.model.timed_reference import CONFIRMED_AFTER, Client, Limits

# Not a whole second: a JWT truncates ``exp``, the columns do not.
START = datetime(2026, 1, 1, 12, 0, 0, 654_321, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OVERLAP = timedelta(seconds=10)

EDGES = st.sampled_from(
    ["third", "overlap", "confirm", "idle", "hard", "refresh exp", "access exp"]
)
OFFSETS = st.sampled_from([-TICK, timedelta(0), TICK])

CLIENTS = st.builds(Client, companion=st.booleans(), elsewhere=st.booleans())
AFTER = {
    Confirm.AT_ONCE: timedelta(0),
    Confirm.AFTER_A_MINUTE: CONFIRMED_AFTER,
    Confirm.NEVER: None,
}

EXAMPLES = int(os.environ.get("REFRESH_SESSIONS_EXAMPLES", "0"))
"""Zero: 100 on SQLite, 40 on a server, which takes several times as long."""


class Sessions(RuleBasedStateMachine):
    """Consecutive sessions, with all tokens that were issued."""

    stored_tokens = Bundle("stored_tokens")

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.steps = 0

    @initialize(
        target=stored_tokens,
        confirm=st.sampled_from(Confirm),
        recovery=st.sampled_from([True, True, False]),
        overlap=st.sampled_from([OVERLAP, OVERLAP, timedelta(0)]),
        session=st.sampled_from([timedelta(hours=1), timedelta(hours=3)]),
        refreshes=st.sampled_from([None, None, None, 4]),
    )
    def begin(self, confirm, recovery, overlap, session, refreshes):
        ticks = Rule().overlap if overlap else 0
        self.rule = Rule(overlap=ticks, recovery=recovery, confirm=confirm)
        self.limits = Limits(
            overlap=overlap,
            access=timedelta(minutes=15),
            refresh=timedelta(hours=1),
            session=session,
            reauthentication=timedelta(minutes=5),
            refreshes=refreshes,
            leeway=timedelta(seconds=5),
        )
        configured = {
            "CONFIRM_DELIVERY_AFTER": AFTER[confirm],
            "LOST_RESPONSE_RECOVERY": recovery,
            "ROTATION_OVERLAP": overlap,
            "MAX_REFRESHES_PER_SESSION": refreshes,
            "MAX_FAMILIES_PER_SESSION": 1000,
            "ACCESS_TOKEN_LIFETIME": self.limits.access,
            "REFRESH_TOKEN_LIFETIME": self.limits.refresh,
            "SESSION_LIFETIME": self.limits.session,
            "LEEWAY": self.limits.leeway,
        }
        self.stack.enter_context(override_settings(REFRESH_SESSIONS=configured))
        self.clock = self.stack.enter_context(standing_clock(START))
        return self._log_in()

    def teardown(self):
        self.stack.close()

    def _log_in(self):
        self.comparison = Comparison(self.clock, self.rule, self.limits)
        self.client = self.comparison.first
        # With a fixed clock, re-authentication and rotation could have equal times.
        self.clock.move(TICK)
        return self.client

    @rule(target=stored_tokens, stored=stored_tokens, client=CLIENTS)
    def refresh(self, stored, client):
        """Refresh with any tokens from any client."""
        got = stored.refresh.comparison.refresh(stored.refresh, client)
        stored.refresh.comparison.check()
        return multiple() if got is None else got

    @rule(target=stored_tokens)
    def client_refreshes(self):
        """The client refreshes with its newest token, or logs in again."""
        got = self.comparison.refresh(self.client.refresh)
        self.client = got or self.client
        if self.comparison.is_over:
            return self._log_in()
        return multiple() if got is None else got

    @rule(
        target=stored_tokens,
        times=st.sampled_from([1, 2, 3, RECOVERIES + 2]),
        wait=st.sampled_from([OVERLAP, timedelta(0)]),
    )
    def lose_answers(self, times, wait):
        """The client does not receive the answers; an attacker may."""
        lost = []
        for _ in range(times):
            self.clock.move(wait)
            lost.append(self.comparison.refresh(self.client.refresh))
        return multiple(*filter(None, lost))

    @rule(stored=stored_tokens)
    def call(self, stored):
        stored.access.comparison.call(stored.access)
        stored.access.comparison.check()

    @rule()
    def client_calls(self):
        self.comparison.call(self.client.access)

    @rule(target=stored_tokens, stored=stored_tokens, client=CLIENTS)
    def step_up(self, stored, client):
        """Re-authenticate with any access token from any client."""
        self.clock.move(TICK)
        got = stored.access.comparison.step_up(stored, client)
        stored.access.comparison.check()
        self.clock.move(TICK)
        return multiple() if got is None else got

    @rule(target=stored_tokens)
    def client_steps_up(self):
        got = self.step_up(self.client, OWNER)
        self.client = got if isinstance(got, StoredTokens) else self.client
        return got

    @precondition(lambda self: self.limits.refreshes is None)
    @rule(target=stored_tokens, stored=stored_tokens, client=CLIENTS)
    def open_family(self, stored, client):
        """Open a family with any access and refresh token of one session."""
        if stored.access.comparison is not stored.refresh.comparison:
            return multiple()
        self.clock.move(TICK)
        got = stored.refresh.comparison.open_family(stored, client)
        stored.refresh.comparison.check()
        self.clock.move(TICK)
        return multiple() if got is None else got

    @precondition(lambda self: self.limits.refreshes is None)
    @rule(target=stored_tokens)
    def client_opens_family(self):
        got = self.open_family(self.client, OWNER)
        self.client = got if isinstance(got, StoredTokens) else self.client
        return got

    @rule(stored=stored_tokens)
    def use_opened_family(self, stored):
        stored.refresh.comparison.use_child()
        stored.refresh.comparison.check()

    @precondition(lambda self: self.steps > 10)
    @rule(stored=stored_tokens, client=CLIENTS)
    def log_out(self, stored, client):
        """Log out with any refresh token from any client."""
        stored.refresh.comparison.log_out(stored.refresh, client)
        stored.refresh.comparison.check()

    @rule(seconds=st.sampled_from([0.25, 3, 5, 9, 11, 60, 1200]))
    def wait(self, seconds):
        self.clock.move(timedelta(seconds=seconds))

    @rule(target=stored_tokens, stored=stored_tokens, edge=EDGES, offset=OFFSETS, client=CLIENTS)
    def refresh_at_limit(self, stored, edge, offset, client):
        """Use any tokens at the end of a period, or a microsecond before or after it."""
        self._wait_for(edge, offset, stored)
        self.call(stored)
        return self.refresh(stored, client)

    @rule(target=stored_tokens, edge=EDGES, offset=OFFSETS)
    def client_refreshes_at_limit(self, edge, offset):
        self._wait_for(edge, offset, self.client)
        self.client_calls()
        return self.client_refreshes()

    def _wait_for(self, edge, offset, stored):
        reference = stored.refresh.comparison.reference
        rotated_at = reference.rotated_at or self.clock.now
        edges = {
            "third": rotated_at + self.limits.overlap / 3,
            "overlap": rotated_at + self.limits.overlap,
            "confirm": rotated_at + CONFIRMED_AFTER,
            "idle": reference.idle_expires_at,
            "hard": reference.expires_at,
            "refresh exp": stored.refresh.token.expires_at,
            "access exp": stored.access.token.expires_at + self.limits.leeway,
        }
        self.clock.move(max(edges[edge] + offset - self.clock.now, timedelta(0)))

    @precondition(lambda self: self.steps > 15)
    @rule(how=st.sampled_from(["admin", "password_changed", "user_inactive"]))
    def revoke(self, how):
        self.comparison.revoke(how)

    @rule(target=stored_tokens, times=st.integers(1, 3))
    def lose_database_writes(self, times):
        """Lose the writes of several refreshes whose answers arrived."""
        snapshot = self.comparison.take_snapshot()
        got = []
        for _ in range(times):
            self.clock.move(OVERLAP)
            got.append(self.comparison.refresh(self.client.refresh))
            self.client = got[-1] or self.client
        self.comparison.roll_back(snapshot)
        return multiple(*filter(None, got))

    @invariant()
    def package_agrees_with_reference(self):
        self.steps += 1
        self.comparison.check()


@pytest.mark.django_db
def test_package_agrees_with_reference():
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=EXAMPLES or (100 if connection.vendor == "sqlite" else 40),
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
