"""Clients, attackers and lost answers on a synchronous Patroni cluster while leaders fail."""

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.load_run import check_load, run_load

pytestmark = [*needs_clusters, pytest.mark.usefixtures("patroni")]


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        ("direct", "kill"),
        ("direct", "partition"),
        ("direct", "freeze"),
        ("haproxy", "kill"),
        ("haproxy", "partition"),
        ("pgbouncer", "kill"),
        ("pgbouncer", "partition"),
    ],
)
def test_load_with_failovers_has_no_violations(way, fault):
    check_load(run_load("patroni", "--way", way, "--fault", fault))
