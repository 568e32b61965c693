"""Redis Sentinel: the primary is killed, frozen and replaced under load.

The servers of Redis are on this machine. REFRESH_SESSIONS_CLUSTERS=1 runs the tests.
"""

import time
from importlib.util import find_spec

import pytest

from tests.clusters.cache_load import running
from tests.clusters.equipment import needs_switch
from tests.outages.workers import serving
from tests.redis_servers import needs_redis, redis_clusters

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_switch,
    pytest.mark.skipif(not find_spec("gunicorn"), reason="gunicorn is not installed"),
    needs_redis,
]

SETTINGS = "tests.clusters.redis_settings"
RECOVERY = 30.0
"""Seconds until requests are answered from the cache again: failover, and open circuits."""

needs_django_redis = pytest.mark.skipif(
    not find_spec("django_redis"), reason="django-redis is not installed"
)


@pytest.fixture
def group(alone):
    with redis_clusters().sentinel_group() as group:
        yield group


@pytest.fixture(params=["sentinel", pytest.param("django_redis", marks=needs_django_redis)])
def workers(request, group):
    addresses = [("127.0.0.1", sentinel.port) for sentinel in group.sentinels]
    options = {"password": group.password, "sentinels": addresses}
    caches = {"kind": request.param, "options": options}
    with serving(caches, settings=SETTINGS) as workers:
        yield workers


def test_primary_killed_under_load_is_replaced_without_an_error(workers, group):
    with running(workers) as load:
        load.wait_for_cache(RECOVERY)
        for _ in range(2):
            primary = group.primary()
            primary.kill()
            redis_clusters().wait_until(lambda old=primary: group.primary() is not old, "same")
            load.wait_for_cache(RECOVERY)
            primary.start()
            time.sleep(2)


def test_primary_frozen_under_load_is_replaced_without_an_error(workers, group):
    with running(workers) as load:
        load.wait_for_cache(RECOVERY)
        primary = group.primary()
        primary.freeze()
        redis_clusters().wait_until(lambda: group.primary() is not primary, "not replaced")
        load.wait_for_cache(RECOVERY)
        primary.thaw()
        time.sleep(3)


def test_all_sentinels_and_servers_killed_under_load_leaves_the_database(workers, group):
    with running(workers) as load:
        load.wait_for_cache(RECOVERY)
        for server in (*group.sentinels, *group.servers):
            server.kill()
        time.sleep(1)
        load.reset()
        time.sleep(8)
        assert load.from_cache == 0
        for server in (*group.servers, *group.sentinels):
            server.start()
        load.wait_for_cache(RECOVERY)


def test_urls_of_primary_and_replicas_without_sentinel_use_the_primary_only(group):
    """No failover: the database answers until the primary is back."""
    caches = {"kind": "urls", "options": {"urls": [server.url for server in group.servers]}}
    primary = group.primary()
    for sentinel in group.sentinels:
        sentinel.kill()
    with serving(caches, settings=SETTINGS) as workers, running(workers) as load:
        load.wait_for_cache(RECOVERY)
        primary.kill()
        time.sleep(1)
        load.reset()
        time.sleep(6)
        assert load.from_cache == 0
        primary.start()
        load.wait_for_cache(RECOVERY)
