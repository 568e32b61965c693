"""Fixture of the state search."""

from collections.abc import Callable

import pytest

from tests.model.report import PROPERTY
from tests.model.search import Graph, explore
from tests.model.state import Scenario


@pytest.fixture
def search(record_property) -> Callable[..., Graph]:
    """Return a function that explores the scenario with the given fields."""

    def run(**fields) -> Graph:
        graph = explore(scenario := Scenario(**fields))
        record_property(PROPERTY, [repr(scenario), len(graph.states)])
        return graph

    return run
