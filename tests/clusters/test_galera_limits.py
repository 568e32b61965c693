"""Limits of a number of rows hold while all servers use one node.

A limit needs the lock of another row, which a Galera node does not share with the others:
``test_galera_races.py`` shows that.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.clusters.engines import NODES
from tests.clusters.equipment import needs_clusters
from tests.clusters.site import USERNAME
from tests.faults.soak.preparation import PASSWORD

pytestmark = needs_clusters

LIMIT = 2
AT_ONCE = 9
ROUNDS = 20


@pytest.fixture
def clients(galera, site):
    """Three servers that use one node."""
    options = {"MAX_SESSIONS_PER_USER": LIMIT, "ON_SESSION_LIMIT": "deny"}
    database = galera.database(site.name, NODES[0])
    return [site.serve(database, **options) for _ in range(3)]


def log_in_at_once(pool, clients):
    """Return the refresh tokens of the accepted logins."""
    logins = [
        pool.submit(clients[number % len(clients)].login, USERNAME, PASSWORD)
        for number in range(AT_ONCE)
    ]
    answers = [login.result() for login in logins]
    assert {answer.status for answer in answers} <= {200, 403}
    return [answer.body["refresh"] for answer in answers if answer.status == 200]


def test_session_limit_logins_on_servers_of_one_node_stay_within(clients):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            accepted = log_in_at_once(pool, clients)
            assert len(accepted) == LIMIT
            assert [clients[0].log_out(refresh) for refresh in accepted] == [204] * LIMIT
