"""Clients, attackers and lost answers on three Galera nodes while nodes fail.

Each request goes to one of three servers at random, and each server uses a node of its own.
"""

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.load_run import check_load, run_load

pytestmark = [*needs_clusters, pytest.mark.usefixtures("galera")]


@pytest.mark.parametrize("fault", ["none", "kill", "partition", "freeze", "lag"])
def test_load_with_fault_of_nodes_has_no_violations(fault):
    check_load(run_load("galera", "--fault", fault))


def test_many_presenters_on_three_nodes_get_one_successor():
    """Certification conflicts: the nodes receive one token at the same moment."""
    results = run_load("galera", "--presenters", "12", "--visitors", "2", "--clients", "2")
    check_load(results)
    assert results["events"]["presented tokens"] >= 25


def test_load_without_sync_wait_has_violations():
    """The control of the others: a SELECT that does not wait refuses honest clients."""
    results = run_load("galera", "--fault", "lag", "--sync-wait", "0", "--seconds", "40")
    assert any("401" in violation for violation in results["violations"])
