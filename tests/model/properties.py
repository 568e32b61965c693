"""Safety properties. Each function returns the shortest story that violates it, or None."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from tests.model.attacks import attacker_presents
from tests.model.cycles import find_cycles
from tests.model.reference import OLD, Answer, Family, Presenter, Reply, Rule
from tests.model.search import Graph
from tests.model.state import NONE, State
from tests.model.transitions import Event, owner


def owner_served(event: Event) -> bool:
    return event.owner_served


def attacker_served(event: Event) -> bool:
    return event.attacker_served


def time_passes(event: Event) -> bool:
    return event.time_passes


def _first(graph: Graph, holds: Callable[[State], bool]) -> str | None:
    found = graph.where(holds)
    return graph.story(found[0]) if found else None


def reported_reuse(graph: Graph) -> str | None:
    """Reuse is reported; a false report if there is no attacker."""
    return _first(graph, lambda state: state.family.reuse_detected)


def lost_token(graph: Graph) -> str | None:
    """The client's storage is empty although the session is not revoked."""
    return _first(graph, lambda state: state.storage == NONE and not state.family.revoked)


def unreachable_newest_token(graph: Graph) -> str | None:
    """The client can never obtain the newest token again, without an attacker or a limit."""
    fine = graph.where(lambda w: w.storage == w.family.newest or w.family.revoked or w.inactive)
    ways = graph.reaching(fine)
    lost = [number for number in range(len(graph.states)) if number not in ways]
    return graph.story(lost[0]) if lost else None


def endless_sharing(graph: Graph) -> str | None:
    """Owner and attacker both get tokens, repeatedly, and no reuse is detected.

    Time must pass between them: two tokens within one overlap are not endless. A rule without an
    overlap has no such events, and may not even serve both repeatedly.
    """
    kinds = [owner_served, attacker_served]
    if graph.scenario.rule.overlap:
        kinds.append(time_passes)
    found = [cycle for cycle in find_cycles(graph) if cycle.repeats(*kinds)]
    return found[0].story(*kinds) if found else None


_WORTHLESS = {Answer.REUSED, Answer.SUPERSEDED}


def usable_stolen_token(graph: Graph) -> str | None:
    """The owner refreshes repeatedly, and a stolen token remains usable."""
    for cycle in find_cycles(graph):
        if cycle.repeats(owner_served, time_passes):
            for state in cycle.states:
                if not _WORTHLESS.issuperset(_attempts(graph, state)):
                    return cycle.story(owner_served, time_passes)
    return None


def undetected_attacker(graph: Graph) -> str | None:
    """The attacker refreshes repeatedly, and the owner's next refresh would not detect reuse."""
    for cycle in find_cycles(graph):
        if cycle.repeats(attacker_served, time_passes):
            for state in cycle.states:
                if _return(graph, state) is not Answer.REUSED:
                    return cycle.story(attacker_served, time_passes)
    return None


def unrecorded_reuse(graph: Graph) -> str | None:
    """The session is revoked, the attacker has used a gained token, and no later request is reuse.

    At the end of the overlap at the latest, the owner's token or one of the attacker's is reuse.
    The exception is an attacker who resembles the owner and was answered as a sibling: see
    ``test_theft``.
    """

    def is_silent(state: State) -> bool:
        family, attacker = state.family, state.attacker
        if attacker is None or not attacker.used or not family.revoked or family.reuse_detected:
            return False
        if family.sibling_answered and graph.scenario.alike:
            return False
        later = state._replace(family=family._replace(age=OLD))
        if state.storage == NONE or Answer.REUSED is _return(graph, later):
            return False
        return Answer.REUSED not in _attempts(graph, later)

    return _first(graph, is_silent)


def family_opened_by_attacker(graph: Graph) -> str | None:
    """An access token or a used token alone opens a family."""
    return _first(graph, lambda w: w.attacker is not None and w.attacker.child)


def foreign_reauthentication(graph: Graph) -> str | None:
    """The owner's re-authentication applies to tokens that the attacker copied before it."""
    return _first(
        graph,
        lambda w: w.attacker is not None and w.attacker.outdated and w.attacker.reauthenticated,
    )


def two_token_chains(graph: Graph) -> str | None:
    """Two existing tokens can both be exchanged, and the successor of the first remains valid."""
    known: dict[tuple[Family, frozenset[int]], bool] = {}
    for number, state in enumerate(graph.states):
        case = state.family, state.tokens
        if case not in known:
            known[case] = not state.family.revoked and _split(graph.scenario.rule, *case)
        if known[case]:
            return graph.story(number)
    return None


def _attempts(graph: Graph, state: State) -> list[Answer]:
    """Return the answer to each stolen token."""
    tokens = state.attacker.tokens if state.attacker else ()
    presenter = attacker_presents(state, graph.scenario)
    return [graph.scenario.rule.judge(token, state.family, presenter) for token in tokens]


def _return(graph: Graph, state: State) -> Answer:
    """Return the answer to the owner's token."""
    return graph.scenario.rule.judge(state.storage, state.family, owner(state, graph.scenario))


def _split(rule: Rule, family: Family, tokens: frozenset[int]) -> bool:
    def later(token: int, family: Family) -> Reply:
        return rule.refresh(token, family._replace(age=OLD), Presenter())

    for one, other in permutations(tokens, 2):
        first = later(one, family)
        second = later(other, first.family)
        if first.refresh and second.refresh and later(first.refresh, second.family).refresh:
            return True
    return False
