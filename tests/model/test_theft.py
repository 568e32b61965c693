"""One theft, at any point of any story.

No rule detects two attacks: the attacker rotates once and then logs out with the copied token,
which looks like an owner after a lost answer; or the attacker resembles the owner, sends the
copied token within the attacker's own overlap and then logs out. Each gains one rotation.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.model.cycles import most_changes
from tests.model.properties import (
    endless_sharing,
    family_opened_by_attacker,
    foreign_reauthentication,
    two_token_chains,
    undetected_attacker,
    unrecorded_reuse,
    usable_stolen_token,
)
from tests.model.reference import Confirm, Rule
from tests.model.state import Saves, State, Theft


@dataclass(frozen=True)
class Case:
    """A scenario with the maximum number of times that the newest token changes hands."""

    name: str
    changes: int
    scenario: dict[str, Any] = field(default_factory=dict)


# Three recoveries instead of eight: larger limits only add states.
FEW = Rule(recoveries=3)
AT_ONCE = Rule(recoveries=3, confirm=Confirm.AT_ONCE)
NO_EVIDENCE = Rule(recoveries=3, confirm=Confirm.NEVER)
COMPANION = {"companion": True}
ALIKE = {"alike": True}
TYPICAL = {"saves": Saves.TYPICAL}

SHARING = [endless_sharing, usable_stolen_token, undetected_attacker]

CASES = [
    # The attacker refreshes first, the owner recovers, and the attacker may recover once more.
    Case("client calls at once", 3, {"rule": AT_ONCE, "prompt": True}),
    Case("no companion", 3),
    Case("no companion, alike", 3, ALIKE),
    Case("companion", 3, COMPANION),
    Case("companion, alike", 3, {**COMPANION, **ALIKE}),
    Case("two requests under way", 3, {"tabs": 2}),
    Case("two requests under way, companion", 3, {"tabs": 2, **COMPANION}),
    Case("no evidence", 3, {"rule": NO_EVIDENCE}),
    Case("client writes back", 3, {"tabs": 2, **TYPICAL, **ALIKE, "rule": Rule(recoveries=2)}),
    # The storage returns to a token that the attacker has too.
    Case("it does, companion", 4, {"tabs": 2, **TYPICAL, **COMPANION}),
    Case("families are opened", 3, {"opens": True}),
    Case("families are opened, companion, alike", 3, {"opens": True, **COMPANION, **ALIKE}),
    Case("session ends", 3, {"ends": True}),
    Case("session ends, companion, alike", 3, {"ends": True, **COMPANION, **ALIKE}),
    Case("client crashes, alike", 4, {"crashes": True, **ALIKE}),
    Case("client crashes, companion", 4, {"crashes": True, **COMPANION}),
    Case("client steps up, companion", 3, {"steps_up": True, **COMPANION}),
    # The second client is reported.
    Case("no recovery", 1, {"rule": Rule(recovery=False)}),
    Case("strict", 1, {"rule": Rule(recovery=False, overlap=0, early=0)}),
]


def failures(graph, *properties):
    """Return the stories of the violated properties by name."""
    found = {never.__name__: never(graph) for never in properties}
    return {name: story for name, story in found.items() if story is not None}


# One test per case: each search takes seconds, and processes do not share graphs.
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_theft_of_storage_is_detected_in_every_story(search, case):
    graph = search(**{"theft": Theft.STORAGE, "rule": FEW, "tabs": 1, **case.scenario})
    assert (
        failures(graph, *SHARING, unrecorded_reuse, two_token_chains, foreign_reauthentication)
        == {}
    )
    assert most_changes(graph, attacker_is_ahead) == case.changes


def attacker_is_ahead(state: State) -> bool:
    """Whether the attacker received the last new refresh token."""
    return state.attacker is not None and state.attacker.ahead


def attacker_is_served(state: State) -> bool:
    """Whether the attacker received an access token since the owner's last refresh token."""
    return state.attacker is not None and state.attacker.served


class TestUsedToken:
    """The attacker has a token whose successor the owner has stored."""

    # Rotations by the attacker, and owner's rotations with an access token for the attacker.
    @pytest.mark.parametrize(
        ("scenario", "rotations", "served"),
        [
            # One within the overlap; calls are evidence, and the next attempt is detected.
            ({"rule": AT_ONCE, "prompt": True}, 0, 1),
            # One within the overlap of each of two rotations, or a recovery within the first
            # minute.
            ({}, 1, 1),
            (ALIKE, 1, 1),
            # No answer within the overlap; a recovery within the first minute.
            (COMPANION, 1, 1),
            ({"rule": AT_ONCE, "prompt": True, **COMPANION}, 0, 0),
        ],
        ids=["client calls at once", "", "alike", "companion", "companion, calls at once"],
    )
    def test_used_token_gains_limited_access_tokens(self, search, scenario, rotations, served):
        graph = search(**{"theft": Theft.USED, "rule": FEW, "tabs": 1, **scenario})
        hands = most_changes(graph, attacker_is_ahead)
        assert (hands + 1) // 2 == rotations
        assert (most_changes(graph, attacker_is_served) + 1) // 2 == served

    @pytest.mark.parametrize("companion", [True, False])
    def test_used_token_opens_no_family(self, search, companion):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, opens=True, companion=companion)
        found = family_opened_by_attacker(graph)
        assert found is None, found

    def test_used_token_theft_is_detected_in_every_story(self, search):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, ends=True)
        assert failures(graph, *SHARING, unrecorded_reuse) == {}

    def test_used_token_gets_no_reauthentication(self, search):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, steps_up=True)
        assert foreign_reauthentication(graph) is None


class TestAccessToken:
    """The attacker has only an access token."""

    def test_stolen_access_token_gains_no_other_token(self, search):
        graph = search(theft=Theft.ACCESS, tabs=1, rule=FEW, opens=True, steps_up=True)
        assert failures(graph, family_opened_by_attacker, foreign_reauthentication) == {}
        assert not graph.where(lambda state: bool(state.attacker and state.attacker.tokens))


class TestFailover:
    """The database loses a rotation; owner and attacker may hold the lost token."""

    @pytest.mark.parametrize("companion", [True, False], ids=["companion", "no companion"])
    def test_theft_with_failover_is_detected_in_every_story(self, search, companion):
        rule = Rule(recoveries=1)
        scenario = {"theft": Theft.STORAGE, "rule": rule, "tabs": 1, "fails_over": True}
        assert failures(search(**scenario, companion=companion), *SHARING) == {}
