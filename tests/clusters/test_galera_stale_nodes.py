"""Galera nodes that have not applied the newest writes, with and without ``wsrep_sync_wait``.

Galera certifies a transaction on all nodes and applies it on each node later. A SELECT on another
node does not wait for that unless ``wsrep_sync_wait`` is 1.
"""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.faults import applier_paused, isolated

pytestmark = needs_clusters

LAG = 2.0


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def first(galera, site):
    """The server of a node with the newest writes."""
    return site.serve(galera.database(site.name, "node0"))


@pytest.fixture
def lagging(request, galera, site):
    """The server of the node that lags; the parameter is ``wsrep_sync_wait``."""
    database = galera.database(site.name, "node2", sync_wait=request.param)
    client = site.serve(database)
    # Its connection exists before the lag.
    client.log_in()
    return client


@pytest.mark.parametrize("lagging", [0], indirect=True)
class TestWithoutSyncWait:
    """Honest clients are refused, and revoked sessions are accepted."""

    def test_lagging_node_refuses_new_session(self, galera, first, lagging):
        with applier_paused(galera, "node2"):
            access = first.log_in()["access"]
            assert first.status_of_call(access) == 200
            assert lagging.status_of_call(access) == 401

    def test_lagging_node_accepts_revoked_session(self, galera, first, lagging):
        login = first.log_in()
        sleep(LAG)
        with applier_paused(galera, "node2"):
            assert first.log_out(login["refresh"]) == 204
            assert first.status_of_call(login["access"]) == 401
            assert lagging.status_of_call(login["access"]) == 200


@pytest.mark.parametrize("lagging", [1], indirect=True)
class TestWithSyncWait:
    """A SELECT waits until its node has applied what was committed before."""

    def test_lagging_node_waits_for_new_session(self, galera, first, lagging, pool):
        with applier_paused(galera, "node2"):
            access = first.log_in()["access"]
            started = monotonic()
            call = pool.submit(lagging.status_of_call, access)
            sleep(LAG)
        assert call.result() == 200
        assert monotonic() - started >= LAG

    def test_lagging_node_waits_for_revocation(self, galera, first, lagging, pool):
        login = first.log_in()
        with applier_paused(galera, "node2"):
            assert first.log_out(login["refresh"]) == 204
            call = pool.submit(lagging.status_of_call, login["access"])
            sleep(LAG)
        assert call.result() == 401

    def test_node_that_lags_longer_than_read_timeout_is_busy(self, galera, first, lagging):
        with applier_paused(galera, "node2"):
            access = first.log_in()["access"]
            assert lagging.status_of_call(access) == 503
        assert lagging.status_of_call(access) == 200

    def test_partitioned_node_never_accepts_revoked_session(self, galera, first, lagging):
        login = first.log_in()
        assert lagging.status_of_call(login["access"]) == 200
        with isolated(galera, "node2"):
            # The other nodes commit again once they have excluded the node.
            galera.wait_until(lambda: first.log_out(login["refresh"]) == 204, "logged out")
            assert lagging.status_of_call(login["access"]) == 503
            assert lagging.status_of_refresh(login["refresh"]) == 503
        assert lagging.status_of_call(login["access"]) == 401

    def test_frozen_node_never_accepts_revoked_session(self, galera, first, lagging, pool):
        """A node that continues does not know at first that the others have excluded it."""
        login = first.log_in()
        assert lagging.status_of_call(login["access"]) == 200
        galera.do("freeze", "node2")
        try:
            galera.wait_until(lambda: first.log_out(login["refresh"]) == 204, "logged out")
            calls = [pool.submit(lagging.status_of_call, login["access"]) for _ in range(4)]
            sleep(LAG)
        finally:
            galera.do("thaw", "node2")
        statuses = {call.result() for call in calls}
        while 401 not in statuses:
            statuses.add(lagging.status_of_call(login["access"]))
        galera.wait_until_healthy()
        assert statuses <= {401, 503}
