"""CACHES for Redis Sentinel and Redis Cluster, as ``docs/access-token-check.md`` shows them."""

import json
import os
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from tests.outages.server_settings import *  # noqa: F403

DESCRIPTION = json.loads(os.environ["REFRESH_SESSIONS_SERVED_CACHES"])
"""The kind of cache and its options."""

SENTINEL_OPTIONS = {
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
    # By default redis-py asks each sentinel that is down ten times, in up to ten seconds.
    "retry": Retry(NoBackoff(), 0),
}


class RedisClusterClient(RedisCacheClient):
    def __init__(self, servers: Any, **options: Any) -> None:
        super().__init__(servers)
        self._cluster = RedisCluster.from_url(servers[0], **options)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self._cluster

    def get_many(self, keys: Any) -> dict[Any, Any]:
        keys = list(keys)
        found = zip(keys, self._cluster.mget_nonatomic(keys), strict=True)
        loads: Any = self._serializer.loads  # type: ignore[attr-defined]  # not in the stubs
        return {key: loads(value) for key, value in found if value is not None}

    def set_many(self, data: Any, timeout: Any) -> None:
        for key, value in data.items():
            self.set(key, value, timeout)

    def delete_many(self, keys: Any) -> None:
        for key in keys:
            self.delete(key)


class RedisClusterCache(RedisCache):
    def __init__(self, server: Any, params: Any) -> None:
        super().__init__(server, params)
        self._class = RedisClusterClient


def sentinel(password: str, sentinels: list[Any]) -> dict[str, Any]:
    """Django's RedisCache with the connection pool of redis-py."""
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"redis://:{password}@main/0",
        "OPTIONS": {
            "pool_class": "redis.sentinel.SentinelConnectionPool",
            "service_name": "main",
            "sentinel_manager": Sentinel(
                [tuple(address) for address in sentinels],
                sentinel_kwargs={"password": password, **SENTINEL_OPTIONS},
            ),
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
        },
    }


def django_redis(password: str, sentinels: list[Any]) -> dict[str, Any]:
    """django-redis with its client for Sentinel."""
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": "redis://main/0",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "CONNECTION_POOL_CLASS": "redis.sentinel.SentinelConnectionPool",
            "SENTINELS": [tuple(address) for address in sentinels],
            "SENTINEL_KWARGS": {"password": password, **SENTINEL_OPTIONS},
            "PASSWORD": password,
            "SOCKET_TIMEOUT": 1,
            "SOCKET_CONNECT_TIMEOUT": 1,
        },
    }


def urls(urls: list[str]) -> dict[str, Any]:
    """Django's RedisCache with primary and replicas, without Sentinel."""
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": urls}


def cluster(url: str) -> dict[str, Any]:
    """The cache class of this module."""
    return {
        "BACKEND": f"{__name__}.RedisClusterCache",
        "LOCATION": url,
        "OPTIONS": {
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            "cluster_error_retry_attempts": 1,
        },
    }


KINDS: dict[str, Any] = {
    function.__name__: function for function in (sentinel, django_redis, urls, cluster)
}

if DESCRIPTION["kind"] == "django_redis":
    DJANGO_REDIS_CONNECTION_FACTORY = "django_redis.pool.SentinelConnectionFactory"

CACHES = {"default": KINDS[DESCRIPTION["kind"]](**DESCRIPTION["options"])}
