"""Circuit breaker: skip a cache that fails, and distrust what it held during the failure.

Each process has one circuit per cache. A failure opens it. Until a call succeeds again, only one
call in some seconds reaches the cache. After that, the process uses no state that was read from
the database before: the cache may have missed invalidations, or may have failed over to a replica
without its last writes.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.conf import settings as django_settings
from django.core.cache import BaseCache

from refresh_sessions.burst_log import BurstLog
from refresh_sessions.cache.client import get_opener

OPEN_SECONDS: Final = 5.0
"""How long the circuit stays open; then one call probes the cache."""

SLOW_FAILURE: Final = 0.1
"""Seconds; a call that fails sooner is repeated once, as its connection may have been closed."""

_Result = TypeVar("_Result")

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


class CacheDownError(Exception):
    """The cache failed, or the circuit is open."""


class Circuit:
    """The calls of this process to one cache, and whether the cache answers them."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._lock = threading.Lock()
        self._opener: Callable[[], BaseCache] | None = None
        self._probe_at: float | None = None
        """The time of the next probe; None while the circuit is closed."""
        self._urgent_at = 0.0
        self._trusted_since = -math.inf
        self.epoch = 0
        """The number of failures so far."""
        self._repair_due = False

    def call(
        self, operation: Callable[[BaseCache], _Result], failed: str, *, urgent: bool = False
    ) -> _Result:
        """Call ``operation`` with the cache.

        Args:
            operation: the use of the cache.
            failed: the message of the log for a failure.
            urgent: call the cache while the circuit is open, too. After a slow failure, only
                after as much time as the failure has taken.

        Raises:
            CacheDownError: the operation failed, or the circuit is open.

        """
        if self._probe_at is not None and not self._starts_probe(urgent=urgent):
            self._repair_due = True
            raise CacheDownError
        started = time.monotonic()
        try:
            result = self._repeat_once(operation, started)
        except Exception as error:
            # Each backend has exceptions of its own.
            now = time.monotonic()
            burst_logger.exception(failed)
            self._record_failure()
            self._urgent_at = now + min(now - started, OPEN_SECONDS)
            self._probe_at = now + OPEN_SECONDS
            raise CacheDownError from error
        self._probe_at = None
        return result

    def _repeat_once(self, operation: Callable[[BaseCache], _Result], started: float) -> _Result:
        try:
            return operation(self._open())
        except Exception:
            if time.monotonic() - started > SLOW_FAILURE:
                raise
            # A server that closed the connection may be another one now.
            self._record_failure()
        return operation(self._open())

    def _open(self) -> BaseCache:
        if self._opener is None:
            with self._lock:
                self._opener = self._opener or get_opener(self._alias)
        return self._opener()

    def starts_repair(self) -> bool:
        """Whether the caller has to repeat what failed or skipped calls have not done.

        True for one caller, and again if a call of the repair fails.
        """
        if not self._repair_due:
            return False
        with self._lock:
            due, self._repair_due = self._repair_due, False
            return due

    def trusts(self, read_at: float) -> bool:
        """Whether to use a state that was read from the database at ``read_at``.

        Args:
            read_at: seconds of the database's clock.

        """
        return read_at >= self._trusted_since

    def trust_since(self, read_at: float, *, epoch: int) -> None:
        """Trust states that were read since ``read_at``, unless a call failed meanwhile.

        Args:
            read_at: seconds of the database's clock, at a read that followed a successful call.
            epoch: ``self.epoch`` at that call.

        """
        with self._lock:
            if epoch == self.epoch and self._trusted_since == math.inf:
                self._trusted_since = read_at

    def _starts_probe(self, *, urgent: bool) -> bool:
        """Whether this call reaches the cache; without ``urgent``, one call at a time does."""
        now = time.monotonic()
        with self._lock:
            if self._probe_at is None or (urgent and now >= self._urgent_at):
                return True
            if now < self._probe_at:
                return False
            self._probe_at = now + OPEN_SECONDS
            return True

    def _record_failure(self) -> None:
        with self._lock:
            self.epoch += 1
            self._trusted_since = math.inf
            self._repair_due = True


class _Circuits:
    """The circuits of this process; new ones if ``CACHES`` was replaced, as servers differ."""

    def __init__(self) -> None:
        self._state: tuple[object, dict[str, Circuit]] = (None, {})

    def __call__(self, alias: str) -> Circuit:
        caches, circuits = self._state
        if caches is not django_settings.CACHES:
            circuits = {}
            self._state = (django_settings.CACHES, circuits)
        circuit = circuits.get(alias)
        return circuit if circuit is not None else circuits.setdefault(alias, Circuit(alias))

    def reset(self) -> None:
        """Forget all failures."""
        self._state = (None, {})


get_circuit = _Circuits()
"""The circuit of a cache alias."""

if hasattr(os, "register_at_fork"):
    # A child process must not use the connections of its parent.
    os.register_at_fork(after_in_child=get_circuit.reset)
