"""A family that is bound to a key: an attacker without the key changes nothing."""

import pytest

from tests.model.properties import lost_token, reported_reuse, unreachable_newest_token
from tests.model.reference import Confirm, Rule
from tests.model.state import Saves, Theft

FEW = Rule(recoveries=3, confirm=Confirm.NEVER)
INCIDENTS = ["steps_up", "opens", "ends", "crashes", "fails_over"]


def reachable(graph):
    """The states of the family and its owner, whatever the attacker has."""
    return {state._replace(attacker=None) for state in graph.states}


@pytest.mark.parametrize("theft", Theft, ids=lambda theft: theft.value)
@pytest.mark.parametrize("saves", Saves, ids=lambda saves: f"client saves {saves.value}")
def test_attacker_without_key_changes_no_state(search, theft, saves):
    # Other savings add states to the owner's side alone.
    tabs = 2 if saves is Saves.DOCS else 1
    scenario = {"bound": True, "rule": FEW, "saves": saves, "tabs": tabs}
    alone = search(**scenario)
    attacked = search(**scenario, theft=theft)
    assert reachable(attacked) == reachable(alone)
    stolen = [state.attacker for state in attacked.states if state.attacker]
    assert stolen
    assert not any(a.ahead or a.served or a.used or a.child for a in stolen)


@pytest.mark.parametrize("incident", [None, *INCIDENTS])
def test_owner_with_key_is_never_accused(search, incident):
    incidents = {} if incident is None else {incident: True}
    graph = search(bound=True, rule=FEW, theft=Theft.STORAGE, tabs=1, **incidents)
    assert reported_reuse(graph) is None
    assert lost_token(graph) is None
    assert unreachable_newest_token(graph) is None


@pytest.mark.parametrize("saves", [Saves.DOCS, Saves.TYPICAL], ids=lambda saves: saves.value)
def test_tabs_with_key_are_never_accused(search, saves):
    """As with the companion: a client that writes back is idle at the end of an overlap."""
    calm = {} if saves is Saves.DOCS else {"slowest": None, "rushes": True}
    assert reported_reuse(search(bound=True, rule=FEW, tabs=3, saves=saves, **calm)) is None


def test_calls_as_evidence_would_let_a_copied_access_token_accuse_the_owner(search):
    """Why a call confirms no delivery in a bound family: access tokens may lack the key."""
    evident = Rule(recoveries=3, confirm=Confirm.AT_ONCE)
    story = reported_reuse(search(bound=True, rule=evident, theft=Theft.STORAGE, tabs=1))
    assert story is not None
    assert "the attacker calls the API" in story
