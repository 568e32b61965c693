"""One theft, at any point of any story.

Not found, by any rule: an attacker who rotates once and then signs out with the token that he has
copied, which looks like an owner whose answer was lost; and one who looks alike, sends the copied
token within his own overlap and then signs out. Both had one rotation.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.model.cycles import most_changes
from tests.model.properties import (
    borrowed_reauthentication,
    deaf_alarm,
    endless_sharing,
    opened_for_nothing,
    silent_end,
    two_chains,
    useful_loot,
)
from tests.model.reference import Confirm, Rule
from tests.model.world import Saves, Theft, World


@dataclass(frozen=True)
class Case:
    """A scene, and how often the session changes hands in it at most."""

    name: str
    changes: int
    scene: dict[str, Any] = field(default_factory=dict)


# Three lost answers in place of eight: more of them add nothing but their number.
FEW = Rule(recoveries=3)
AT_ONCE = Rule(recoveries=3, confirm=Confirm.AT_ONCE)
NO_EVIDENCE = Rule(recoveries=3, confirm=Confirm.NEVER)
COMPANION = {"companion": True}
ALIKE = {"alike": True}
TYPICAL = {"saves": Saves.TYPICAL}

SHARING = [endless_sharing, useful_loot, deaf_alarm]

CASES = [
    # The attacker is first, the owner recovers, and so may the attacker once more.
    Case("client calls at once", 3, {"rule": AT_ONCE, "prompt": True}),
    Case("no companion", 3),
    Case("no companion, alike", 3, ALIKE),
    Case("companion", 3, COMPANION),
    Case("companion, alike", 3, {**COMPANION, **ALIKE}),
    Case("two requests under way", 3, {"tabs": 2}),
    Case("two requests under way, companion", 3, {"tabs": 2, **COMPANION}),
    Case("no evidence", 3, {"rule": NO_EVIDENCE}),
    Case("client writes back", 3, {"tabs": 2, **TYPICAL, **ALIKE, "rule": Rule(recoveries=2)}),
    # Storage falls back to the token that the attacker has too.
    Case("it does, companion", 4, {"tabs": 2, **TYPICAL, **COMPANION}),
    Case("families are opened", 3, {"opens": True}),
    Case("families are opened, companion, alike", 3, {"opens": True, **COMPANION, **ALIKE}),
    Case("session ends", 3, {"ends": True}),
    Case("session ends, companion, alike", 3, {"ends": True, **COMPANION, **ALIKE}),
    Case("client crashes, alike", 4, {"crashes": True, **ALIKE}),
    Case("client crashes, companion", 4, {"crashes": True, **COMPANION}),
    Case("client steps up, companion", 3, {"steps_up": True, **COMPANION}),
    # Whoever comes second is accused.
    Case("no recovery", 1, {"rule": Rule(recovery=False)}),
    Case("strict", 1, {"rule": Rule(recovery=False, overlap=0, early=0)}),
]


def failures(graph, *properties):
    """The stories in which one of the properties does not hold, by its name."""
    found = {never.__name__: never(graph) for never in properties}
    return {name: story for name, story in found.items() if story is not None}


# One test a case: each search takes seconds, and processes do not share graphs.
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_theft_is_found_in_every_story(search, case):
    graph = search(**{"theft": Theft.STORAGE, "rule": FEW, "tabs": 1, **case.scene})
    assert failures(graph, *SHARING, silent_end, two_chains, borrowed_reauthentication) == {}
    assert most_changes(graph, who_is_ahead) == case.changes


def who_is_ahead(world: World) -> bool:
    """Whether the last who received a new refresh token was the attacker."""
    return world.attacker is not None and world.attacker.ahead


def is_served(world: World) -> bool:
    """Whether the attacker was given an access token since the owner's last refresh token."""
    return world.attacker is not None and world.attacker.served


class TestUsedToken:
    """Who holds a token whose successor the owner has stored."""

    # Rotations, and rotations of the owner beside which there was an access token for him.
    @pytest.mark.parametrize(
        ("scene", "rotations", "served"),
        [
            # One in the overlap; calls are evidence, and the next attempt is found.
            ({"rule": AT_ONCE, "prompt": True}, 0, 1),
            # One in the overlap of each of two rotations, or a recovery within the first minute.
            ({}, 1, 1),
            (ALIKE, 1, 1),
            # No answer in the overlap; a recovery within the first minute.
            (COMPANION, 1, 1),
            ({"rule": AT_ONCE, "prompt": True, **COMPANION}, 0, 0),
        ],
        ids=["client calls at once", "", "alike", "companion", "companion, calls at once"],
    )
    def test_access_tokens_are_counted(self, search, scene, rotations, served):
        graph = search(**{"theft": Theft.USED, "rule": FEW, "tabs": 1, **scene})
        hands = most_changes(graph, who_is_ahead)
        assert (hands + 1) // 2 == rotations
        assert (most_changes(graph, is_served) + 1) // 2 == served

    @pytest.mark.parametrize("companion", [True, False])
    def test_opens_no_family(self, search, companion):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, opens=True, companion=companion)
        found = opened_for_nothing(graph)
        assert found is None, found

    def test_theft_is_found_in_every_story(self, search):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, ends=True)
        assert failures(graph, *SHARING, silent_end) == {}

    def test_carries_no_reauthentication(self, search):
        graph = search(theft=Theft.USED, rule=FEW, tabs=1, steps_up=True)
        assert borrowed_reauthentication(graph) is None


class TestAccessToken:
    """Who holds an access token alone."""

    def test_gains_nothing_but_what_it_opens_itself(self, search):
        graph = search(theft=Theft.ACCESS, tabs=1, rule=FEW, opens=True, steps_up=True)
        assert failures(graph, opened_for_nothing, borrowed_reauthentication) == {}
        assert not graph.where(lambda world: bool(world.attacker and world.attacker.tokens))


class TestFailover:
    """The database loses a rotation, and whoever holds its token is as good as the other."""

    @pytest.mark.parametrize("companion", [True, False], ids=["companion", "no companion"])
    def test_theft_is_found_in_every_story(self, search, companion):
        rule = Rule(recoveries=1)
        scene = {"theft": Theft.STORAGE, "rule": rule, "tabs": 1, "fails_over": True}
        assert failures(search(**scene, companion=companion), *SHARING) == {}
