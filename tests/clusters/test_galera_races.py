"""The races of ``tests/races`` with connections to different Galera nodes."""

import pytest

from tests.clusters.equipment import needs_clusters
from tests.clusters.races import run_races

pytestmark = needs_clusters

LOCKED = (
    "test_limits.py::TestRefreshes::"
    "test_refresh_limit_several_families_concurrent_refreshes_stay_within",
    "test_limits.py::TestLogins::test_session_limit_concurrent_logins_revoke_oldest",
    "test_limits.py::TestLogins::test_session_limit_concurrent_logins_deny_next",
    "test_limits.py::TestFamilies::test_family_limit_concurrent_openings_stay_within",
    # It runs one of these with another user model.
    "test_inherited_users.py",
)
"""Limits of a number of rows need a lock of another row, which Galera keeps on its node."""


@pytest.mark.usefixtures("galera")
def test_races_across_nodes_hold_all_invariants_but_limits():
    run_races("galera", "mariadb", deselect=LOCKED)


@pytest.fixture
def connect(galera):
    """Open a transaction on a node that waits one second for a lock."""
    opened = []

    def connect(node):
        connection = galera.connect(node)
        connection.cursor().execute("SET innodb_lock_wait_timeout = 1")
        opened.append(connection)
        return connection.cursor()

    yield connect
    for connection in opened:
        connection.close()


@pytest.mark.parametrize(
    "lock",
    [
        "UPDATE locks.rows SET name = name WHERE id = 1",
        "SELECT * FROM locks.rows WHERE id = 1 FOR UPDATE",
    ],
    ids=["no-op UPDATE", "SELECT FOR UPDATE"],
)
def test_row_lock_blocks_transactions_of_its_node_only(galera, connect, lock):
    """A limit of sessions can be exceeded by concurrent logins on different nodes."""
    galera.ask("node0", "CREATE DATABASE IF NOT EXISTS locks")
    galera.ask("node0", "CREATE OR REPLACE TABLE locks.rows (id INT PRIMARY KEY, name CHAR(9))")
    galera.ask("node0", "INSERT INTO locks.rows VALUES (1, 'ada')")
    holder, same, other = connect("node0"), connect("node0"), connect("node1")
    for cursor in (holder, same, other):
        cursor.execute("BEGIN")
    holder.execute(lock)
    with pytest.raises(Exception, match="Lock wait timeout"):
        same.execute(lock)
    other.execute(lock)
    for cursor, row in ((holder, 2), (other, 3)):
        cursor.execute("INSERT INTO locks.rows VALUES (%s, 'new')", [row])
        cursor.execute("COMMIT")
