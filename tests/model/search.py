"""Breadth-first search over all worlds that a scene can lead to."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tests.model.attacks import moves
from tests.model.moves import Event
from tests.model.world import Scene, World

Edges = Sequence[tuple[Event, int]]


@dataclass(frozen=True, eq=False)
class Graph:
    """All worlds of a scene by number, in the order in which they were found."""

    scene: Scene
    worlds: Sequence[World]
    edges: Sequence[Edges]
    origins: Sequence[tuple[int, Event]]
    """For each world the one that it was first reached from."""

    def where(self, holds: Callable[[World], bool]) -> list[int]:
        """The worlds of which something is true, those of the shortest stories first."""
        return [number for number, world in enumerate(self.worlds) if holds(world)]

    def story(self, number: int) -> str:
        """How the world of this number comes about, one event per line."""
        events: list[Event] = []
        while number:
            number, event = self.origins[number]
            events.append(event)
        return tell(reversed(events))

    @cached_property
    def sources(self) -> Sequence[list[int]]:
        """The edges, backwards."""
        sources: list[list[int]] = [[] for _ in self.worlds]
        for number, edges in enumerate(self.edges):
            for _, target in edges:
                sources[target].append(number)
        return sources

    def reaching(self, goals: Iterable[int]) -> set[int]:
        """The worlds from which at least one of the goals can be reached."""
        found = set(goals)
        queue = deque(found)
        while queue:
            new = set(self.sources[queue.popleft()]) - found
            found |= new
            queue.extend(new)
        return found


def tell(events: Iterable[Event]) -> str:
    """A story, for the message of a test that fails."""
    return "\n".join(f"{line:3}. {event.text}" for line, event in enumerate(events, start=1))


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Every world found is kept: looking for some to collect takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@lru_cache(maxsize=1)  # What is kept for longer, the garbage collector goes through as well.
def explore(scene: Scene) -> Graph:
    """Find every world there is, nearest first. The same scene gives the same graph."""
    worlds = [World()]
    numbers = {worlds[0]: 0}
    origins = [(0, Event("sign-in"))]
    edges: list[Edges] = []
    with _no_garbage():
        while len(edges) < len(worlds):
            here = len(edges)
            found = []
            for event, world in moves(worlds[here], scene):
                number = numbers.setdefault(world, len(worlds))
                if number == len(worlds):
                    worlds.append(world)
                    origins.append((here, event))
                found.append((event, number))
            edges.append(found)
    return Graph(scene, worlds, edges, origins)
