"""Cycles: the strongly connected components of a state graph."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tests.model.search import Graph, format_story
from tests.model.state import State
from tests.model.transitions import Event

Kind = Callable[[Event], bool]
"""A predicate of events."""

Step = tuple[int, Event, int]


@dataclass(frozen=True)
class Cycle:
    """States that are reachable from each other, with the events between them."""

    graph: Graph
    numbers: frozenset[int]

    @property
    def states(self) -> list[State]:
        return [self.graph.states[number] for number in sorted(self.numbers)]

    def repeats(self, *kinds: Kind) -> bool:
        """Whether one infinite story repeats events of all these kinds."""
        events = [event for here in self.numbers for _, event, _ in self._steps_from(here)]
        return all(any(kind(event) for event in events) for kind in kinds)

    def story(self, *kinds: Kind) -> str:
        """Return how the cycle is reached, and one round with an event of each kind."""
        start = here = min(self.numbers)
        round_events: list[Event] = []
        for kind in kinds:
            here = self._walk(here, _is_of(kind), round_events)
        if here != start:
            self._walk(here, lambda step: step[2] == start, round_events)
        return f"{self.graph.story(start)}\nand then, for ever:\n{format_story(round_events)}"

    def _steps_from(self, here: int) -> Iterator[Step]:
        for event, target in self.graph.edges[here]:
            if target in self.numbers:
                yield here, event, target

    def _walk(self, start: int, arrived: Callable[[Step], bool], round_events: list[Event]) -> int:
        """Append the shortest path to a matching step to the round; return the state after it."""
        ways: dict[int, list[Event]] = {start: []}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for step in self._steps_from(here):
                _, event, target = step
                if arrived(step):
                    round_events += [*ways[here], event]
                    return target
                if target not in ways:
                    ways[target] = [*ways[here], event]
                    queue.append(target)
        raise LookupError("this cycle has no such step")


def _is_of(kind: Kind) -> Callable[[Step], bool]:
    return lambda step: kind(step[1])


@lru_cache(maxsize=1)
def find_cycles(graph: Graph) -> list[Cycle]:
    """Return all cycles. A revoked session has none: it has no transitions."""
    found = [Cycle(graph, component) for component in components(graph)]
    return [cycle for cycle in found if cycle.repeats(lambda _: True)]


@lru_cache(maxsize=1)
def components(graph: Graph) -> list[frozenset[int]]:
    """Return the strongly connected components in topological order (Kosaraju's algorithm)."""
    found: list[frozenset[int]] = []
    assigned: set[int] = set()
    for root in reversed(_in_order_of_completion(graph)):
        if root in assigned:
            continue
        component = {root}
        queue = [root]
        while queue:
            new = set(graph.sources[queue.pop()]) - assigned - component
            component |= new
            queue.extend(new)
        assigned |= component
        found.append(frozenset(component))
    return found


def _in_order_of_completion(graph: Graph) -> list[int]:
    """Return all states in post-order of a depth-first search."""
    completed: list[int] = []
    seen = {0}
    path = [(0, iter(graph.edges[0]))]
    while path:
        here, edges = path[-1]
        ahead = next((target for _, target in edges if target not in seen), None)
        if ahead is None:
            completed.append(here)
            path.pop()
        else:
            seen.add(ahead)
            path.append((ahead, iter(graph.edges[ahead])))
    return completed


def most_changes(graph: Graph, of: Callable[[State], object]) -> float:
    """Return the maximum number of changes of a value in one story; infinity for a cycle."""
    values = [of(state) for state in graph.states]
    most: dict[int, float] = {}
    for component in reversed(components(graph)):
        best = 0.0
        for here in component:
            for _, target in graph.edges[here]:
                changed = values[here] != values[target]
                rest = most.get(target, math.inf if changed else 0)
                best = max(best, rest + changed)
        most |= dict.fromkeys(component, best)
    return most[0]
