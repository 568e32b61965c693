"""The races of ``tests/races`` on the leader of a synchronous cluster, through HAProxy."""

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.races import run_races

pytestmark = needs_clusters


@pytest.mark.usefixtures("patroni")
def test_races_on_leader_hold_all_invariants():
    run_races("patroni", "postgres")
