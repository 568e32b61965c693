"""Breadth-first search of all states that a scenario can reach."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tests.model.attacks import transitions
from tests.model.state import Scenario, State
from tests.model.transitions import Event

Edges = Sequence[tuple[Event, int]]


@dataclass(frozen=True, eq=False)
class Graph:
    """All states of a scenario, numbered in the order of discovery."""

    scenario: Scenario
    states: Sequence[State]
    edges: Sequence[Edges]
    origins: Sequence[tuple[int, Event]]
    """For each state its predecessor on the shortest path, with the event."""

    def where(self, holds: Callable[[State], bool]) -> list[int]:
        """Return the numbers of all states that satisfy a predicate, nearest first."""
        return [number for number, state in enumerate(self.states) if holds(state)]

    def story(self, number: int) -> str:
        """Return the events on the shortest path to a state, one per line."""
        events: list[Event] = []
        while number:
            number, event = self.origins[number]
            events.append(event)
        return format_story(reversed(events))

    @cached_property
    def sources(self) -> Sequence[list[int]]:
        """The predecessors of each state."""
        sources: list[list[int]] = [[] for _ in self.states]
        for number, edges in enumerate(self.edges):
            for _, target in edges:
                sources[target].append(number)
        return sources

    def reaching(self, goals: Iterable[int]) -> set[int]:
        """Return the states from which at least one of the goals is reachable."""
        found = set(goals)
        queue = deque(found)
        while queue:
            new = set(self.sources[queue.popleft()]) - found
            found |= new
            queue.extend(new)
        return found


def format_story(events: Iterable[Event]) -> str:
    """Format events for the message of a failed test."""
    return "\n".join(f"{line:3}. {event.text}" for line, event in enumerate(events, start=1))


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Disable garbage collection, which takes a third of the time: all states are kept."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@lru_cache(maxsize=1)  # A larger cache would slow down the garbage collector.
def explore(scenario: Scenario) -> Graph:
    """Find all states, nearest first. The result depends only on the scenario."""
    states = [State()]
    numbers = {states[0]: 0}
    origins = [(0, Event("sign-in"))]
    edges: list[Edges] = []
    with _no_garbage():
        while len(edges) < len(states):
            here = len(edges)
            found = []
            for event, state in transitions(states[here], scenario):
                number = numbers.setdefault(state, len(states))
                if number == len(states):
                    states.append(state)
                    origins.append((here, event))
                found.append((event, number))
            edges.append(found)
    return Graph(scenario, states, edges, origins)
