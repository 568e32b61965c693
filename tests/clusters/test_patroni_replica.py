"""Reads routed to standbys that lag: the package decides with the leader alone."""

from signal import SIGSTOP

import pytest

from tests.clusters.engines import NODES
from tests.clusters.equipment import needs_clusters

pytestmark = needs_clusters


@pytest.fixture
def lagging(patroni, site):
    """The standbys, which receive the writes and do not apply them."""
    leader = patroni.leader()
    standbys = [node for node in NODES if node != leader]
    patroni.wait_until(patroni.is_replicated, "replicated")
    for node in standbys:
        # Patroni would end the pause.
        patroni.signal_manager(node, SIGSTOP)
        patroni.ask(node, "SELECT pg_wal_replay_pause()")
    patroni.wait_until(lambda: all(is_paused(patroni, node) for node in standbys), "paused")
    yield standbys
    for node in standbys:
        patroni.ask(node, "SELECT pg_wal_replay_resume()")
    patroni.do("thaw", *standbys)


def is_paused(patroni, node):
    """The request to pause takes effect some milliseconds later."""
    return patroni.ask(node, "SELECT pg_get_wal_replay_pause_state()") == [("paused",)]


def count_sessions(patroni, site, node):
    question = "SELECT COUNT(*) FROM refresh_sessions_devicesession"
    return patroni.ask(node, question, database=site.name)[0][0]


def test_clients_are_served_while_all_reads_go_to_lagging_standbys(patroni, site, lagging):
    replica = patroni.database(site.name, lagging[0], read_write=False)
    server = site.serve(patroni.database(site.name, "direct"), replica=replica)
    login = server.log_in()
    assert server.status_of_call(login["access"]) == 200
    new = server.refresh(login["refresh"]).body
    assert server.status_of_call(new["access"]) == 200
    assert server.log_out(new["refresh"]) == 204
    assert server.status_of_call(new["access"]) == 401
    assert {count_sessions(patroni, site, node) for node in lagging} == {0}
    assert count_sessions(patroni, site, patroni.leader()) == 1
