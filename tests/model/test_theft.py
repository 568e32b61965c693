"""One theft, at any point of any story."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.model.circles import most_changes
from tests.model.properties import (
    borrowed_proof,
    deaf_alarm,
    endless_sharing,
    two_lineages,
    useful_loot,
)
from tests.model.reference import RECOVERIES, Echo, Rule
from tests.model.world import World


@dataclass(frozen=True)
class Case:
    """A scene, and how often the session changes hands in it at most."""

    name: str
    changes: int
    scene: dict[str, Any] = field(default_factory=dict)


NO_EVIDENCE = Rule(confirm=False)

CASES = [
    # The thief is first and the victim takes the token back; calling, it shuts him out.
    Case("client calls at once", 2, {"prompt": True}),
    # A victim that keeps quiet with its new token leaves the thief the same way.
    Case("client calls sometime", 3),
    Case("three requests under way", 3, {"tabs": 3}),
    Case("no evidence", 3, {"rule": NO_EVIDENCE}),
    Case("newest token never sent back", 3, {"rule": Rule(echo=Echo.NEVER)}),
    Case("newest token always sent back", 3, {"rule": Rule(echo=Echo.ALWAYS)}),
    # Storage falls back to the token that the thief has too, as often as answers may get lost.
    Case("client writes back", RECOVERIES + 1, {"writes_back": True}),
    Case("it does, no evidence", RECOVERIES + 1, {"writes_back": True, "rule": NO_EVIDENCE}),
    # Whoever comes second is accused.
    # Each step-up of the victim is one more rotation that a thief may answer by a recovery.
    Case("client steps up", 3, {"tabs": 1, "steps_up": True}),
    Case("no recovery", 1, {"rule": Rule(recovery=False)}),
    Case("strict", 1, {"rule": Rule(recovery=False, overlap=False)}),
]


# For the module, so that all tests of one case follow each other and share its graph.
@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def graph(case, search):
    return search(theft=True, **case.scene)


@pytest.mark.parametrize(
    "never",
    [endless_sharing, useful_loot, deaf_alarm, two_lineages, borrowed_proof],
    ids=lambda never: never.__name__,
)
def test_never(graph, never):
    found = never(graph)
    assert found is None, found


def test_changes_of_hands(graph, case):
    assert most_changes(graph, _who_is_ahead) == case.changes


def _who_is_ahead(world: World) -> bool:
    """Whether the last who received a new refresh token was the thief."""
    return world.thief is not None and world.thief.ahead
