"""A fixture that searches."""

from collections.abc import Callable

import pytest

from tests.model.search import Graph, explore
from tests.model.states import PROPERTY
from tests.model.world import Scene


@pytest.fixture
def search(record_property) -> Callable[..., Graph]:
    """Explore a scene, given by the fields of ``Scene``."""

    def run(**fields) -> Graph:
        graph = explore(scene := Scene(**fields))
        record_property(PROPERTY, [repr(scene), len(graph.worlds)])
        return graph

    return run
