"""Failing caches, and the settings that name them."""

import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import ClassVar

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache


class DeadCache(BaseCache):
    """A cache without a server."""

    def __init__(self, location, params):
        super().__init__(params)

    def fail(self, *args, **kwargs):
        raise ConnectionError("no route to the cache")

    add = get = set = touch = delete = clear = get_many = set_many = incr = fail


class ReadOnlyCache(LocMemCache):
    """A read-only replica, as during a failover."""

    def set(self, *args, **kwargs):
        raise RuntimeError("READONLY You can't write against a read only replica.")


class TimingOutCache(DeadCache):
    """A cache whose client raises its own error."""

    def fail(self, *args, **kwargs):
        raise TimeoutError("timed out")

    add = get = set = touch = delete = clear = get_many = set_many = incr = fail


class SwitchableCache(LocMemCache):
    """A cache that fails while the test says so, and keeps its entries, as after a partition."""

    failure: Callable[[str], None] | None = None
    """Called with the name of each operation before it runs; it may raise an error."""
    operations: ClassVar[list[str]] = []

    def __getattribute__(self, name):
        if name in OPERATIONS:
            SwitchableCache.operations.append(name)
            if SwitchableCache.failure is not None:
                SwitchableCache.failure(name)
        return super().__getattribute__(name)


OPERATIONS = frozenset({"add", "get_many", "set", "set_many", "delete", "delete_many"})


def closed_port() -> int:
    """Return a local port without a listener."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def broken(kind):
    """Return CACHES with a cache of this kind."""
    if kind != "redis":
        return {"default": {"BACKEND": f"{__name__}.{kind}"}}
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{closed_port()}/0",
        }
    }


KINDS = [
    *("DeadCache", "ReadOnlyCache", "TimingOutCache"),
    pytest.param(
        "redis", marks=pytest.mark.skipif(not find_spec("redis"), reason="redis is not installed")
    ),
]
