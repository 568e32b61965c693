"""A fixture that searches, and the line that says how much there was to search."""

from collections.abc import Callable

import pytest

from tests.model.search import Graph, explore
from tests.model.world import Scene

_PROPERTY = "rotation model"


@pytest.fixture
def search(record_property) -> Callable[..., Graph]:
    """Explore a scene, given by the fields of ``Scene``."""

    def run(**fields) -> Graph:
        graph = explore(scene := Scene(**fields))
        record_property(_PROPERTY, [repr(scene), len(graph.worlds)])
        return graph

    return run


def pytest_terminal_summary(terminalreporter) -> None:
    """Sum up the worlds of all scenes that were searched."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    worlds = dict(value for r in reports for name, value in r.user_properties if name == _PROPERTY)
    if worlds:
        terminalreporter.write_line(
            f"{_PROPERTY}: {sum(worlds.values()):,} states in {len(worlds)} scenes, all of them"
        )
