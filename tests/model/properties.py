"""What must never happen. Each function gives the shortest story in which it does, or None."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from tests.model.attacks import attacker_presents
from tests.model.cycles import find_cycles
from tests.model.moves import Event, owner
from tests.model.reference import OLD, Answer, Family, Presenter, Reply, Rule
from tests.model.search import Graph
from tests.model.world import NONE, World


def owner_served(event: Event) -> bool:
    return event.owner_served


def attacker_served(event: Event) -> bool:
    return event.attacker_served


def time_passes(event: Event) -> bool:
    return event.time_passes


def _first(graph: Graph, holds: Callable[[World], bool]) -> str | None:
    found = graph.where(holds)
    return graph.story(found[0]) if found else None


def accusation(graph: Graph) -> str | None:
    """Reuse is reported; false if there is no attacker."""
    return _first(graph, lambda world: world.family.alarm)


def lost_token(graph: Graph) -> str | None:
    """The client has nothing in its storage, and the session is not revoked."""
    return _first(graph, lambda world: world.storage == NONE and not world.family.revoked)


def stuck(graph: Graph) -> str | None:
    """The client cannot get to the newest token any more, without an attacker or a limit."""
    fine = graph.where(lambda w: w.storage == w.family.newest or w.family.revoked or w.inactive)
    ways = graph.reaching(fine)
    lost = [number for number in range(len(graph.worlds)) if number not in ways]
    return graph.story(lost[0]) if lost else None


def endless_sharing(graph: Graph) -> str | None:
    """Owner and attacker both get tokens, again and again, and nobody notices.

    Time has to pass meanwhile: what fits into one overlap is not endless. Only a rule without an
    overlap has no such moments, and may not even let both go on at once.
    """
    kinds = [owner_served, attacker_served]
    if graph.scene.rule.overlap:
        kinds.append(time_passes)
    found = [circle for circle in find_cycles(graph) if circle.repeats(*kinds)]
    return found[0].story(*kinds) if found else None


_WORTHLESS = {Answer.REUSED, Answer.SUPERSEDED}


def useful_loot(graph: Graph) -> str | None:
    """The owner refreshes again and again, and something that was stolen stays worth having."""
    for circle in find_cycles(graph):
        if circle.repeats(owner_served, time_passes):
            for world in circle.worlds:
                if not _WORTHLESS.issuperset(_attempts(graph, world)):
                    return circle.story(owner_served, time_passes)
    return None


def deaf_alarm(graph: Graph) -> str | None:
    """The attacker refreshes again and again, and the owner's return would not expose it."""
    for circle in find_cycles(graph):
        if circle.repeats(attacker_served, time_passes):
            for world in circle.worlds:
                if _return(graph, world) is not Answer.REUSED:
                    return circle.story(attacker_served, time_passes)
    return None


def silent_end(graph: Graph) -> str | None:
    """The session is revoked, the attacker had used what he got, and no return is recorded.

    After the overlap at the latest, either the owner's token or one of the attacker's is reuse.
    Not so where a sibling was forgiven what an attacker who looks alike did: see ``test_theft``.
    """

    def is_silent(world: World) -> bool:
        family, attacker = world.family, world.attacker
        if attacker is None or not attacker.used or not family.revoked or family.alarm:
            return False
        if family.forgiven and graph.scene.alike:
            return False
        later = world._replace(family=family._replace(age=OLD))
        if world.storage == NONE or Answer.REUSED is _return(graph, later):
            return False
        return Answer.REUSED not in _attempts(graph, later)

    return _first(graph, is_silent)


def opened_for_nothing(graph: Graph) -> str | None:
    """An access token or a used token alone opens a family."""
    return _first(graph, lambda w: w.attacker is not None and w.attacker.child)


def borrowed_reauthentication(graph: Graph) -> str | None:
    """A re-authentication of the owner serves an attacker with what was copied before it."""
    return _first(
        graph,
        lambda w: w.attacker is not None and w.attacker.outdated and w.attacker.reauthenticated,
    )


def two_chains(graph: Graph) -> str | None:
    """Two tokens in the world can both be exchanged, and the first one's successor lives on."""
    known: dict[tuple[Family, frozenset[int]], bool] = {}
    for number, world in enumerate(graph.worlds):
        case = world.family, world.tokens
        if case not in known:
            known[case] = not world.family.revoked and _split(graph.scene.rule, *case)
        if known[case]:
            return graph.story(number)
    return None


def _attempts(graph: Graph, world: World) -> list[Answer]:
    """What each stolen token is worth."""
    tokens = world.attacker.tokens if world.attacker else ()
    presenter = attacker_presents(world, graph.scene)
    return [graph.scene.rule.judge(token, world.family, presenter) for token in tokens]


def _return(graph: Graph, world: World) -> Answer:
    """What the owner's token is worth."""
    return graph.scene.rule.judge(world.storage, world.family, owner(world, graph.scene))


def _split(rule: Rule, family: Family, tokens: frozenset[int]) -> bool:
    def later(token: int, family: Family) -> Reply:
        return rule.refresh(token, family._replace(age=OLD), Presenter())

    for one, other in permutations(tokens, 2):
        first = later(one, family)
        second = later(other, first.family)
        if first.refresh and second.refresh and later(first.refresh, second.family).refresh:
            return True
    return False
