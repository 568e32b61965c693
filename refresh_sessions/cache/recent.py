"""Recent keys: the cache keys that this process has invalidated, to repeat after a failure.

A write that failed, or that a failover has lost, leaves entries that other processes still use.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

MAX_KEYS: Final = 10_000
"""Keys that a process keeps: some megabytes of memory. The oldest are dropped first."""

_Value = TypeVar("_Value")


class RecentKeys(Generic[_Value]):
    """Keys with one value each, for a limited time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[float, _Value]] = OrderedDict()

    def add(self, keys: Iterable[str], value: _Value, *, timeout: float) -> None:
        """Keep the keys for ``timeout`` seconds."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._entries[key] = (now + timeout, value)
                self._entries.move_to_end(key)
            self._drop(now)

    def get(self) -> dict[str, _Value]:
        """All keys whose time has not passed."""
        now = time.monotonic()
        with self._lock:
            self._drop(now)
            return {key: value for key, (until, value) in self._entries.items() if until > now}

    def _drop(self, now: float) -> None:
        while self._entries:
            key, (until, _) = next(iter(self._entries.items()))
            if until > now and len(self._entries) <= MAX_KEYS:
                return
            del self._entries[key]
