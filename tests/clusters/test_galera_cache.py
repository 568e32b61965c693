"""``ACCESS_TOKEN_CHECK = "cache"`` with servers that reach one database by different addresses."""

import pytest

from tests.clusters.equipment import needs_clusters

pytestmark = needs_clusters


@pytest.mark.parametrize(("environment", "status"), [({}, 200), ({"ENVIRONMENT": "shop"}, 401)])
def test_revocation_reaches_cache_of_other_address_with_environment_only(
    galera, site, environment, status
):
    """Without the setting, the address of the database is part of each cache key."""
    options = {"ACCESS_TOKEN_CHECK": "cache", **environment}
    first, second = (
        site.serve(galera.database(site.name, node), **options) for node in ("node0", "node1")
    )
    login = second.log_in()
    assert second.status_of_call(login["access"]) == 200
    assert first.log_out(login["refresh"]) == 204
    assert second.status_of_call(login["access"]) == status
