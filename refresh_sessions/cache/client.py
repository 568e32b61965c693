"""Cache client: the cache of the settings, with few layers for Django's RedisCache.

Django's ``RedisCache`` builds a ``redis.Redis`` object for each command, which takes longer than
the command. It has a connection pool for each thread, and for each request under ASGI. With
several servers it reads from a random replica, which may lack the last writes of the first server.

This module uses private attributes of ``RedisCache``, as there is no public access to its client.
Where they are missing, or a project has replaced the methods, the cache is used as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from django.core.cache import BaseCache, caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

DEFAULT_TIMEOUT: Final = 1.0
"""Seconds that Redis has to respond, where ``OPTIONS`` has no ``socket_timeout``."""

_DIRECT: Final = ("get_many", "set", "delete")
"""The methods of ``_DirectCommands`` that replace those of ``RedisCacheClient``."""


def get_opener(alias: str) -> Callable[[], BaseCache]:
    """A function that returns the cache for one call.

    Raises:
        InvalidCacheBackendError: ``CACHES`` lacks the alias or its backend.

    """
    redis_cache = _open_redis_cache(alias)
    if redis_cache is not None:
        return lambda: redis_cache
    # Other clients need not be thread-safe; Django has one for each thread.
    return lambda: caches[alias]


def _open_redis_cache(alias: str) -> BaseCache | None:
    """A ``RedisCache`` for all threads that uses the first server only, or None."""
    if not isinstance(caches[alias], RedisCache):
        return None
    # Another object than caches[alias], which belongs to the project.
    cache: Any = caches.create_connection(alias)
    try:
        cache._options = {**_get_default_timeouts(cache), **cache._options}  # noqa: SLF001
        backend = cache._cache  # noqa: SLF001
        if _has_own_methods(type(backend)):
            return None
        client = backend.get_client(write=True)
        commands = _DirectCommands(client.connection_pool, backend._serializer)  # noqa: SLF001
    except AttributeError:
        return None

    def get_client(key: str | None = None, *, write: bool = False) -> Any:
        return client

    backend.get_client = get_client
    for name in _DIRECT:
        setattr(backend, name, getattr(commands, name))
    return cast("BaseCache", cache)


def _has_own_methods(backend_class: Any) -> bool:
    """Whether a project has replaced one of the methods that this module replaces."""
    return any(
        getattr(backend_class, name) is not getattr(RedisCacheClient, name)
        for name in ("get_client", *_DIRECT)
    )


def _get_default_timeouts(cache: Any) -> dict[str, float]:
    """Time-outs for the options; redis-py has one of five seconds, or none before release 8."""
    options = cache._options  # noqa: SLF001
    if "pool_class" in options or cache._servers[0].startswith("unix:"):  # noqa: SLF001
        # Their connections may not know both options.
        return {}
    timeout = options.get("socket_timeout", DEFAULT_TIMEOUT)
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}


class _DirectCommands:
    """Commands over connections that stay checked out of the pool, one command at a time on each.

    A broken connection raises an error, whereas the pool replaces idle ones unnoticed. So each
    process notices a failover, see ``refresh_sessions.cache.circuit``.
    """

    def __init__(self, pool: Any, serializer: Any) -> None:
        self._pool, self._serializer = pool, serializer
        self._idle: deque[Any] = deque()

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values of those keys that Redis has."""
        keys = list(keys)
        found = zip(keys, self._execute("MGET", *keys), strict=True)
        return {key: self._serializer.loads(value) for key, value in found if value is not None}

    def set(self, key: str, value: Any, timeout: int | None) -> None:
        """Store a value for ``timeout`` seconds; None for ever."""
        if timeout == 0:
            self.delete(key)
        else:
            expiry = () if timeout is None else ("EX", timeout)
            self._execute("SET", key, self._serializer.dumps(value), *expiry)

    def delete(self, key: str) -> bool:
        """Delete a key, and return whether Redis had it."""
        return bool(self._execute("DEL", key))

    def _execute(self, *command: Any) -> Any:
        connection = self._take()
        try:
            connection.send_command(*command)
            response = connection.read_response()
        except BaseException:
            # The response may still arrive, so no other call must use this connection.
            self._idle.append(connection)
            self._disconnect()
            raise
        self._idle.append(connection)
        return response

    def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.get_connection()

    def _disconnect(self) -> None:
        """Disconnect all idle connections: after a restart of the server all are broken."""
        while self._idle:
            connection = self._idle.pop()
            connection.disconnect()
            self._pool.release(connection)
