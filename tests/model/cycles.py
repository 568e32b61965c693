"""What can go on for ever: the strongly connected parts of a graph of worlds."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tests.model.moves import Event
from tests.model.search import Graph, tell
from tests.model.world import World

Kind = Callable[[Event], bool]
"""A question about an event."""

Step = tuple[int, Event, int]


@dataclass(frozen=True)
class Cycle:
    """Worlds each of which leads to all others, and what happens on the ways between them."""

    graph: Graph
    numbers: frozenset[int]

    @property
    def worlds(self) -> list[World]:
        return [self.graph.worlds[number] for number in sorted(self.numbers)]

    def repeats(self, *kinds: Kind) -> bool:
        """Whether one endless story has events of all these kinds again and again."""
        events = [event for here in self.numbers for _, event, _ in self._steps_from(here)]
        return all(any(kind(event) for event in events) for kind in kinds)

    def story(self, *kinds: Kind) -> str:
        """How the circle is entered, and one lap with an event of each kind."""
        start = here = min(self.numbers)
        lap: list[Event] = []
        for kind in kinds:
            here = self._walk(here, _is_of(kind), lap)
        if here != start:
            self._walk(here, lambda step: step[2] == start, lap)
        return f"{self.graph.story(start)}\nand then, for ever:\n{tell(lap)}"

    def _steps_from(self, here: int) -> Iterator[Step]:
        for event, target in self.graph.edges[here]:
            if target in self.numbers:
                yield here, event, target

    def _walk(self, start: int, arrived: Callable[[Step], bool], lap: list[Event]) -> int:
        """Add the shortest way to a certain step to the lap, and say where that step leads."""
        ways: dict[int, list[Event]] = {start: []}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for step in self._steps_from(here):
                _, event, target = step
                if arrived(step):
                    lap += [*ways[here], event]
                    return target
                if target not in ways:
                    ways[target] = [*ways[here], event]
                    queue.append(target)
        raise LookupError("this circle has no such step")


def _is_of(kind: Kind) -> Callable[[Step], bool]:
    return lambda step: kind(step[1])


@lru_cache(maxsize=1)
def find_cycles(graph: Graph) -> list[Cycle]:
    """Everything that can go on for ever. A session that has ended does not: it leads nowhere."""
    found = [Cycle(graph, part) for part in parts(graph)]
    return [circle for circle in found if circle.repeats(lambda _: True)]


@lru_cache(maxsize=1)
def parts(graph: Graph) -> list[frozenset[int]]:
    """The strongly connected parts, each before those it leads to (Kosaraju's algorithm)."""
    found: list[frozenset[int]] = []
    assigned: set[int] = set()
    for root in reversed(_in_order_of_completion(graph)):
        if root in assigned:
            continue
        part = {root}
        queue = [root]
        while queue:
            new = set(graph.sources[queue.pop()]) - assigned - part
            part |= new
            queue.extend(new)
        assigned |= part
        found.append(frozenset(part))
    return found


def _in_order_of_completion(graph: Graph) -> list[int]:
    """All worlds by depth-first search, a world as soon as all it leads to has been seen."""
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


def most_changes(graph: Graph, of: Callable[[World], object]) -> float:
    """How often at most something about the world changes in one story; infinity if endlessly."""
    values = [of(world) for world in graph.worlds]
    most: dict[int, float] = {}
    for part in reversed(parts(graph)):
        best = 0.0
        for here in part:
            for _, target in graph.edges[here]:
                changed = values[here] != values[target]
                rest = most.get(target, math.inf if changed else 0)
                best = max(best, rest + changed)
        most |= dict.fromkeys(part, best)
    return most[0]
