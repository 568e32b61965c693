"""A client that still reaches a former leader, by DNS, a proxy, a pooler or an open connection.

The former leader of a partition restarts as a read-only standby. It has committed transactions
that no standby has received: their clients got no answer, and the next request finds them done. A
server that reads there acknowledges what the new leader does not know.

A former leader that was frozen continues as a leader until Patroni runs again. A watchdog resets
its machine before that: the fault ``freeze`` of the load.
"""

from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL
from time import monotonic, sleep

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.site import open_site

pytestmark = needs_clusters

LONGEST_WAIT = 60.0
SHORT = 2.0


@pytest.fixture
def leader(patroni):
    leader = patroni.leader()
    yield leader
    patroni.repair()
    patroni.wait_until_healthy()


def links(leader):
    return [f"{leader}-{target}-link" for target in ("etcd", "postgres", "rest")]


def log_out_during_partition(patroni, leader, server, refresh):
    """Repeat a logout at the former leader until another node leads; return the statuses."""
    patroni.do("freeze", *links(leader))
    others = [node for node in patroni.NODES if node != leader]
    statuses, started = [], monotonic()
    while 204 not in statuses and monotonic() - started < LONGEST_WAIT:
        statuses.append(server.log_out(refresh))
        if any(patroni.has_role(node, "primary") for node in others):
            statuses.append(server.log_out(refresh))
            break
    patroni.wait_for_other_leader(leader)
    patroni.do("thaw", *links(leader))
    patroni.wait_until_healthy()
    return statuses


def check_logout_at_former_leader(patroni, site, leader, server, *, acknowledged):
    """Log out at the former leader of a partition; the new leader does not know it."""
    everywhere = site.serve(patroni.database(site.name, "direct"))
    login = everywhere.log_in()
    assert server.status_of_call(login["access"]) == 200
    statuses = log_out_during_partition(patroni, leader, server, login["refresh"])
    if acknowledged:
        assert statuses[-1] == 204
    else:
        assert set(statuses) <= {0, 503}
    assert everywhere.status_of_call(login["access"]) == 200
    assert everywhere.log_out(login["refresh"]) == 204
    assert everywhere.status_of_call(login["access"]) == 401


@pytest.mark.parametrize("read_write", [False, True])
def test_logout_at_former_leader_is_acknowledged_without_read_write_only(
    patroni, site, leader, read_write
):
    server = site.serve(patroni.database(site.name, leader, read_write=read_write))
    check_logout_at_former_leader(patroni, site, leader, server, acknowledged=not read_write)


@pytest.fixture
def pooled(patroni):
    """The database to which PgBouncer has a name for each node."""
    name = patroni.known["pooled"]
    patroni.ask(patroni.leader(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    with open_site(patroni, name) as site:
        yield site


@pytest.mark.parametrize("checked", [False, True])
def test_logout_through_pgbouncer_at_standby_is_acknowledged_without_connect_query(
    patroni, pooled, leader, checked
):
    name = leader if checked else f"{leader}-unchecked"
    server = pooled.serve(patroni.database(name, "pgbouncer"))
    check_logout_at_former_leader(patroni, pooled, leader, server, acknowledged=not checked)


def test_frozen_leader_without_watchdog_accepts_revoked_session(patroni, site, leader):
    everywhere = site.serve(patroni.database(site.name, "direct"))
    login, other = everywhere.log_in(), everywhere.log_in()
    server = site.serve(patroni.database(site.name, leader))
    assert server.status_of_call(login["access"]) == 200
    patroni.do("freeze", leader)
    patroni.wait_for_other_leader(leader)
    patroni.wait_until(lambda: everywhere.log_out(login["refresh"]) == 204, "logged out")
    with ThreadPoolExecutor(2) as pool:
        call = pool.submit(server.status_of_call, login["access"])
        # Once it runs, it demotes PostgreSQL.
        patroni.signal_manager(leader, SIGKILL)
        patroni.do("thaw", leader)
        assert call.result() == 200
        # Nothing is acknowledged that the new leader does not know.
        logout = pool.submit(server.log_out, other["refresh"])
        sleep(SHORT)
        assert not logout.done()
        patroni.do("kill", leader)
        assert logout.result() in {0, 503}
    assert everywhere.status_of_call(login["access"]) == 401
    assert everywhere.status_of_call(other["access"]) == 200
