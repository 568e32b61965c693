"""Redis Cluster: three nodes, of which one is killed under load.

The servers of Redis are on this machine. REFRESH_SESSIONS_CLUSTERS=1 runs the tests.
"""

import time
from importlib.util import find_spec

import pytest

from tests.clusters.cache_load import running
from tests.clusters.equipment import needs_switch
from tests.factories import make_pair
from tests.outages.workers import serving
from tests.redis_servers import needs_redis, redis_clusters

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_switch,
    pytest.mark.skipif(not find_spec("gunicorn"), reason="gunicorn is not installed"),
    needs_redis,
]

RECOVERY = 30.0


@pytest.fixture(scope="module")
def group(alone):
    with redis_clusters().cluster() as group:
        yield group


@pytest.fixture(scope="module")
def workers(group, django_db_setup, django_db_blocker):
    caches = {"kind": "cluster", "options": {"url": group.servers[0].url}}
    with (
        django_db_blocker.unblock(),
        serving(caches, settings="tests.clusters.redis_settings") as workers,
    ):
        yield workers


def commands(group) -> int:
    """The MGET commands of all nodes so far."""
    lines = [line for node in group.servers for line in node.ask("info", "commandstats").split()]
    calls = (line.split("calls=")[1].split(",")[0] for line in lines if "cmdstat_mget:" in line)
    return sum(map(int, calls))


def test_entries_of_a_session_are_in_one_slot(workers, group):
    """A cached request takes one command."""
    for pair in [make_pair() for _ in range(8)]:
        workers.wait_for_cache(pair)
        before = commands(group)
        assert workers.ask(pair)[::2] == (200, 0)
        assert commands(group) == before + 1
    for pair in [make_pair() for _ in range(40)]:
        workers.ask(pair)
    # Random, but a node without any of so many sessions is a fault.
    assert all(node.ask("keys", "*").split() for node in group.servers)


def test_node_killed_under_load_leaves_the_database(workers, group):
    with running(workers) as load:
        load.wait_for_cache(RECOVERY)
        for node in group.servers:
            node.kill()
            time.sleep(4)
            node.start()
            load.wait_for_cache(RECOVERY)
