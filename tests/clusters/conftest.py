"""The tests of this folder run with REFRESH_SESSIONS_CLUSTERS=1 only.

They start one cluster at a time, and stop a cluster of this checkout that runs already.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator

import pytest

from tests.clusters.commands import CHECKOUT, clusters
from tests.clusters.engines import Galera, Patroni
from tests.clusters.site import open_site


@pytest.fixture(scope="session")
def only_run() -> Iterator[None]:
    """No other run uses the clusters of this checkout."""
    path = CHECKOUT / ".servers" / "clusters.lock"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.fail("another run uses the clusters of this checkout")
        yield


@pytest.fixture(scope="session")
def start(only_run) -> Iterator[Callable[[str], None]]:
    """Start a cluster, and stop the cluster of the tests before; an empty name only stops it."""
    running: list[str] = []

    def stop() -> None:
        for engine in running:
            clusters("stop", engine)
        running.clear()

    def switch_to(engine: str) -> None:
        if running == [engine]:
            return
        stop()
        if engine:
            # A cluster of an earlier run may be in any state.
            clusters("stop", engine)
            running.append(engine)
            clusters("start", engine)

    yield switch_to
    stop()


@pytest.fixture(scope="module")
def alone(start):
    """No Galera and no Patroni beside the servers of the module."""
    start("")


@pytest.fixture
def galera(start):
    """Three healthy Galera nodes."""
    start("galera")
    cluster = Galera("galera")
    cluster.repair()
    cluster.wait_until_healthy()
    return cluster


@pytest.fixture
def patroni(request, start):
    """Three healthy nodes; the parameter of the fixture is the engine."""
    engine = getattr(request, "param", "patroni")
    start(engine)
    cluster = Patroni(engine)
    cluster.repair()
    cluster.wait_until_healthy()
    return cluster


@pytest.fixture
def site(request) -> Iterator:
    """A database with a user on the cluster that the test uses."""
    engine = "galera" if "galera" in request.fixturenames else "patroni"
    with open_site(request.getfixturevalue(engine)) as site:
        yield site
