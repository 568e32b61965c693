"""What must never happen. Each function gives the shortest story in which it does, or None."""

from __future__ import annotations

from itertools import permutations

from tests.model.circles import circles
from tests.model.moves import Event
from tests.model.reference import Answer, Family, Reply, Rule
from tests.model.search import Graph
from tests.model.world import World


def victim_served(event: Event) -> bool:
    return event.victim_served


def thief_served(event: Event) -> bool:
    return event.thief_served


def time_passes(event: Event) -> bool:
    return event.time_passes


def accusation(graph: Graph) -> str | None:
    """Somebody is taken for a thief; false if there is none."""
    accused = graph.where(lambda world: world.family.ended_by is Answer.ACCUSED)
    return graph.story(accused[0]) if accused else None


def endless_sharing(graph: Graph) -> str | None:
    """Victim and thief both get tokens, again and again, and nobody notices.

    Time has to pass meanwhile: what fits into one overlap is not endless. Only a rule without an
    overlap has no such moments, and may not even let both go on at once.
    """
    kinds = [victim_served, thief_served]
    if graph.scene.rule.overlap:
        kinds.append(time_passes)
    found = [circle for circle in circles(graph) if circle.repeats(*kinds)]
    return found[0].story(*kinds) if found else None


def useful_loot(graph: Graph) -> str | None:
    """The victim refreshes again and again, and something that was stolen stays worth having."""
    for circle in circles(graph):
        if circle.repeats(victim_served, time_passes):
            for world in circle.worlds:
                stolen = world.thief.tokens if world.thief else ()
                if any(_answer(graph, token, world) is not Answer.ACCUSED for token in stolen):
                    return circle.story(victim_served, time_passes)
    return None


def deaf_alarm(graph: Graph) -> str | None:
    """The thief refreshes again and again, and the victim's return would not give him away."""
    for circle in circles(graph):
        if circle.repeats(thief_served, time_passes):
            for world in circle.worlds:
                if _answer(graph, world.storage, world) is not Answer.ACCUSED:
                    return circle.story(thief_served, time_passes)
    return None


def borrowed_proof(graph: Graph) -> str | None:
    """A step-up by the victim serves a thief with what he had copied before it."""
    borrowed = graph.where(lambda w: w.thief is not None and w.thief.outdated and w.thief.fresh)
    return graph.story(borrowed[0]) if borrowed else None


def two_lineages(graph: Graph) -> str | None:
    """Two tokens in the world can both be exchanged, and the first one's successor lives on."""
    known: dict[tuple[Family, frozenset[int]], bool] = {}
    for number, world in enumerate(graph.worlds):
        case = world.family, world.tokens
        if case not in known:
            known[case] = world.family.ended_by is None and _split(graph.scene.rule, *case)
        if known[case]:
            return graph.story(number)
    return None


def _answer(graph: Graph, token: int, world: World) -> Answer:
    return graph.scene.rule.judge(token, world.family)


def _split(rule: Rule, family: Family, tokens: frozenset[int]) -> bool:
    def later(token: int, family: Family) -> Reply:
        return rule.refresh(token, family._replace(fresh=False))

    for one, other in permutations(tokens, 2):
        first = later(one, family)
        second = later(other, first.family)
        if first.refresh and second.refresh and later(first.refresh, second.family).refresh:
            return True
    return False
