"""The package against the reference: any token, at any time, in any order, on a real database.

Hypothesis makes the stories up and shortens the ones that fail. The reference is the one that the
search goes through exhaustively, so what the search has shown is shown of the package.
"""

import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
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
from tests.model.reference import RECOVERIES, Confirm, Rule
from tests.model.timed import CONFIRMED_AFTER, Client, Limits
from tests.model.twin import OWNER, Holding, Twin

# Not a whole second: the exp of a JWT is cut, the columns are not.
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

EXAMPLES = int(os.environ.get("REFRESH_SESSIONS_EXAMPLES", "100"))


class Sessions(RuleBasedStateMachine):
    """One session after another, and all tokens that anybody was ever given."""

    holdings = Bundle("holdings")

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.steps = 0

    @initialize(
        target=holdings,
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
        return self._sign_in()

    def teardown(self):
        self.stack.close()

    def _sign_in(self):
        self.twin = Twin(self.clock, self.rule, self.limits)
        self.client = self.twin.first
        # Only where a clock stands still can a proof and a rotation be of one instant.
        self.clock.move(TICK)
        return self.client

    @rule(target=holdings, holding=holdings, client=CLIENTS)
    def refresh(self, holding, client):
        """Anybody, with anything, from anywhere."""
        got = holding.refresh.twin.refresh(holding.refresh, client)
        holding.refresh.twin.check()
        return multiple() if got is None else got

    @rule(target=holdings)
    def client_refreshes(self):
        """The one who signed in, with the last that arrived; or they sign in again."""
        got = self.twin.refresh(self.client.refresh)
        self.client = got or self.client
        if self.twin.is_over:
            return self._sign_in()
        return multiple() if got is None else got

    @rule(
        target=holdings,
        times=st.sampled_from([1, 2, 3, RECOVERIES + 2]),
        wait=st.sampled_from([OVERLAP, timedelta(0)]),
    )
    def answers_get_lost(self, times, wait):
        """Lost to the client: somebody else may have read them."""
        lost = []
        for _ in range(times):
            self.clock.move(wait)
            lost.append(self.twin.refresh(self.client.refresh))
        return multiple(*filter(None, lost))

    @rule(holding=holdings)
    def call(self, holding):
        holding.access.twin.call(holding.access)
        holding.access.twin.check()

    @rule()
    def client_calls(self):
        self.twin.call(self.client.access)

    @rule(target=holdings, holding=holdings, client=CLIENTS)
    def step_up(self, holding, client):
        """Whoever knows the password, with any access token."""
        self.clock.move(TICK)
        got = holding.access.twin.step_up(holding, client)
        holding.access.twin.check()
        self.clock.move(TICK)
        return multiple() if got is None else got

    @rule(target=holdings)
    def client_steps_up(self):
        got = self.step_up(self.client, OWNER)
        self.client = got if isinstance(got, Holding) else self.client
        return got

    @precondition(lambda self: self.limits.refreshes is None)
    @rule(target=holdings, holding=holdings, client=CLIENTS)
    def open_family(self, holding, client):
        """Whoever has a refresh token and an access token that tells of a re-authentication."""
        if holding.access.twin is not holding.refresh.twin:
            return multiple()
        self.clock.move(TICK)
        got = holding.refresh.twin.open_family(holding, client)
        holding.refresh.twin.check()
        self.clock.move(TICK)
        return multiple() if got is None else got

    @precondition(lambda self: self.limits.refreshes is None)
    @rule(target=holdings)
    def client_opens_a_family(self):
        got = self.open_family(self.client, OWNER)
        self.client = got if isinstance(got, Holding) else self.client
        return got

    @rule(holding=holdings)
    def use_opened_family(self, holding):
        holding.refresh.twin.use_child()
        holding.refresh.twin.check()

    @precondition(lambda self: self.steps > 10)
    @rule(holding=holdings, client=CLIENTS)
    def log_out(self, holding, client):
        """Anybody, with any refresh token."""
        holding.refresh.twin.log_out(holding.refresh, client)
        holding.refresh.twin.check()

    @rule(seconds=st.sampled_from([0.25, 3, 5, 9, 11, 60, 1200]))
    def wait(self, seconds):
        self.clock.move(timedelta(seconds=seconds))

    @rule(target=holdings, holding=holdings, edge=EDGES, offset=OFFSETS, client=CLIENTS)
    def anybody_at_an_edge(self, holding, edge, offset, client):
        """With any tokens, just when something ends, or a microsecond before or after that."""
        self._wait_for(edge, offset, holding)
        self.call(holding)
        return self.refresh(holding, client)

    @rule(target=holdings, edge=EDGES, offset=OFFSETS)
    def client_at_an_edge(self, edge, offset):
        self._wait_for(edge, offset, self.client)
        self.client_calls()
        return self.client_refreshes()

    def _wait_for(self, edge, offset, holding):
        image = holding.refresh.twin.image
        rotated_at = image.rotated_at or self.clock.now
        edges = {
            "third": rotated_at + self.limits.overlap / 3,
            "overlap": rotated_at + self.limits.overlap,
            "confirm": rotated_at + CONFIRMED_AFTER,
            "idle": image.idle_expires_at,
            "hard": image.expires_at,
            "refresh exp": holding.refresh.token.expires_at,
            "access exp": holding.access.token.expires_at + self.limits.leeway,
        }
        self.clock.move(max(edges[edge] + offset - self.clock.now, timedelta(0)))

    @precondition(lambda self: self.steps > 15)
    @rule(how=st.sampled_from(["admin", "password_changed", "user_inactive"]))
    def end(self, how):
        self.twin.end(how)

    @rule(target=holdings, times=st.integers(1, 3))
    def the_database_loses_its_last_writes(self, times):
        """Those of a few refreshes, whose answers did arrive."""
        photograph = self.twin.photograph()
        got = []
        for _ in range(times):
            self.clock.move(OVERLAP)
            got.append(self.twin.refresh(self.client.refresh))
            self.client = got[-1] or self.client
        self.twin.roll_back(photograph)
        return multiple(*filter(None, got))

    @invariant()
    def package_and_reference_agree(self):
        self.steps += 1
        self.twin.check()


@pytest.mark.django_db
def test_the_package_does_what_the_reference_says():
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
