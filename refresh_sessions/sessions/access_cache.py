"""Access cache: snapshots of families for ``ACCESS_TOKEN_CHECK = "cache"``.

The cache has a random stamp for each session and a snapshot for each family. A snapshot contains
the stamp that the cache had before the row was read, and is valid only while the cache has the
same stamp. A change of a session or its families removes or replaces the stamp after the commit.
So no snapshot from before the change is used after it, however late it is stored. This needs no
clock and no atomic operation of the cache.

An evicted or flushed stamp invalidates the snapshots as well.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.core.cache import BaseCache

from refresh_sessions.cache.circuit import SLOW_FAILURE, CacheDownError, Circuit, get_circuit
from refresh_sessions.cache.recent import RecentKeys
from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import DatabaseBusyError, SessionRevokedError
from refresh_sessions.tenants import cache_prefix

REVOKED: Final = "revoked"
"""The stamp of a revoked session."""

_READ_FAILED: Final = "The cache failed; reading the database"
_STORE_FAILED: Final = "The cache failed to store a snapshot"
_REMOVE_FAILED: Final = (
    "The cache failed to remove snapshots; they stay usable until CACHE_TIMEOUT"
)
_REVOKE_FAILED: Final = (
    "The cache failed to store revoked sessions; they stay usable until CACHE_TIMEOUT"
)

_Result = TypeVar("_Result")

_recent: Final[RecentKeys[bool]] = RecentKeys()
"""The stamps that this process has removed or replaced, and whether their session is revoked."""


class Snapshot(NamedTuple):
    """The state of a family that an access token is checked against."""

    generation: int
    redeemable_generation: int | None
    subject: str
    backend: str
    read_at: float
    """When the row was read, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The result of looking a family up, from before its row is read."""

    snapshot: Snapshot | None = None
    key: str = ""
    stamp: str = ""
    """The stamp for a new snapshot; empty if none can be stored."""
    epoch: int = 0
    """The epoch of the circuit."""


def look_up(session_id: UUID, family_id: UUID) -> Lookup:
    """The snapshot of a family, if the cache has a valid one. Call it before the row is read.

    Raises:
        SessionRevokedError: the session was revoked recently.

    """
    circuit = _get_circuit()
    epoch = circuit.epoch
    stamp_key = _get_stamp_key(session_id, cache_prefix())
    key = f"{stamp_key}:{family_id}"
    try:
        entries = _call(circuit, lambda cache: cache.get_many((stamp_key, key)), _READ_FAILED)
        stamp = entries.get(stamp_key) or _add_stamp(circuit, stamp_key)
    except CacheDownError:
        # After any failure of the cache the database decides (ASVS 16.5.3: fail closed).
        return Lookup()
    if stamp == REVOKED:
        raise SessionRevokedError
    snapshot = _parse(entries.get(key), stamp)
    if snapshot is not None and not circuit.trusts(snapshot.read_at):
        snapshot = None
    return Lookup(snapshot, key, stamp, epoch)


def store(lookup: Lookup, snapshot: Snapshot, *, timeout: float) -> None:
    """Store the snapshot of a row that was read after ``look_up``.

    Args:
        lookup: the result of ``look_up``.
        snapshot: the state of the row.
        timeout: the seconds until the family expires; ``CACHE_TIMEOUT`` if that is less.

    """
    if not lookup.stamp:
        return
    circuit = _get_circuit()
    circuit.trust_since(snapshot.read_at, epoch=lookup.epoch)
    entry = (lookup.stamp, *snapshot)
    timeout = min(timeout, _get_timeout())
    _try_to_call(lambda cache: cache.set(lookup.key, entry, timeout=timeout), _STORE_FAILED)


def forget(*session_ids: UUID, prefix: str | None = None, urgent: bool = False) -> None:
    """Invalidate the snapshots of sessions after the commit of a change of their families.

    Args:
        session_ids: the primary keys of the sessions.
        prefix: the ``cache_prefix()`` of their tenant; None for the present tenant.
        urgent: the change makes access tokens unusable that an attacker may hold.

    """
    if session_ids and _is_enabled():
        prefix = cache_prefix() if prefix is None else prefix
        keys = [_get_stamp_key(session_id, prefix) for session_id in session_ids]
        _recent.add(keys, value=False, timeout=_get_timeout())
        _try_to_call(lambda cache: _delete(cache, keys), _REMOVE_FAILED, urgent=urgent)


@contextmanager
def forget_if_uncertain(*session_ids: UUID) -> Iterator[None]:
    """Invalidate snapshots after ``DatabaseBusyError``: the change may have been committed."""
    try:
        yield
    except DatabaseBusyError:
        forget(*session_ids, urgent=True)
        raise


def revoke(session_ids: Iterable[UUID], *, prefix: str) -> None:
    """Store stamps that refuse these sessions without a query, after the commit.

    Args:
        session_ids: the primary keys of the revoked sessions.
        prefix: the ``cache_prefix()`` of their tenant.

    """
    keys = [_get_stamp_key(session_id, prefix) for session_id in session_ids]
    if keys and _is_enabled():
        _recent.add(keys, value=True, timeout=_get_timeout())
        _try_to_call(lambda cache: _set_revoked(cache, keys), _REVOKE_FAILED, urgent=True)


def _set_revoked(cache: BaseCache, keys: Sequence[str]) -> None:
    started = time.monotonic()
    try:
        refused = _set_many(cache, keys)
    except Exception:
        if time.monotonic() - started > SLOW_FAILURE:
            raise
        refused = keys
    if refused:
        # A full Redis may refuse to store but not to delete. A Redis Cluster refuses to store keys
        # of several slots together.
        _delete(cache, refused)


def _set_many(cache: BaseCache, keys: Sequence[str]) -> Sequence[str]:
    """Store the stamp of revoked sessions, and return the keys that were not stored."""
    # Twice the timeout: until then, the session stays refused if the database loses its last
    # writes in a failover.
    timeout = 2 * _get_timeout()
    if len(keys) == 1:
        cache.set(keys[0], REVOKED, timeout=timeout)
        return ()
    return cache.set_many(dict.fromkeys(keys, REVOKED), timeout=timeout)


def _delete(cache: BaseCache, keys: Sequence[str]) -> None:
    if len(keys) > 1:
        started = time.monotonic()
        try:
            cache.delete_many(keys)
        except Exception:
            # As above: a Redis Cluster.
            if time.monotonic() - started > SLOW_FAILURE:
                raise
        else:
            return
    for key in keys:
        cache.delete(key)


def _repeat_recent(cache: BaseCache) -> None:
    """Repeat the invalidations of the last ``CACHE_TIMEOUT``."""
    recent = _recent.get()
    revoked = [key for key, is_revoked in recent.items() if is_revoked]
    others = [key for key, is_revoked in recent.items() if not is_revoked]
    if revoked:
        _set_revoked(cache, revoked)
    if others:
        _delete(cache, others)


def _call(
    circuit: Circuit,
    operation: Callable[[BaseCache], _Result],
    failed: str,
    *,
    urgent: bool = False,
) -> _Result:
    result = circuit.call(operation, failed, urgent=urgent)
    if circuit.starts_repair():
        circuit.call(_repeat_recent, _REMOVE_FAILED, urgent=True)
    return result


def _try_to_call(
    operation: Callable[[BaseCache], object], failed: str, *, urgent: bool = False
) -> None:
    try:
        _call(_get_circuit(), operation, failed, urgent=urgent)
    except CacheDownError:
        return


def _add_stamp(circuit: Circuit, key: str) -> str:
    """Store a new stamp and return it, or an empty text if another request stored one."""
    stamp = secrets.token_urlsafe(12)
    timeout = _get_timeout()
    added = _call(circuit, lambda cache: cache.add(key, stamp, timeout=timeout), _STORE_FAILED)
    return stamp if added else ""


def _parse(entry: Any, stamp: str) -> Snapshot | None:
    """The snapshot of a cache entry, if it has this stamp."""
    try:
        found, *fields = entry
        return Snapshot(*fields) if stamp and found == stamp else None
    except (TypeError, ValueError):
        # No entry, or one of another version of this package.
        return None


def _is_enabled() -> bool:
    return get_settings().ACCESS_TOKEN_CHECK == "cache"  # noqa: S105


def _get_circuit() -> Circuit:
    return get_circuit(get_settings().CACHE_ALIAS)


def _get_timeout() -> float:
    return get_settings().CACHE_TIMEOUT.total_seconds()


def _get_stamp_key(session_id: UUID, prefix: str) -> str:
    # The braces are a hash tag: a Redis Cluster stores all entries of a session in one slot.
    return f"{prefix}:{{{session_id}}}"
