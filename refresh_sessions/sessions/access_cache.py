"""Access cache: snapshots of families for ``ACCESS_TOKEN_CHECK = "cache"``.

The cache also has an entry for each revoked session, which outlives the snapshots of its families.
So a request that read the row before the revocation and stores its snapshot afterwards has no
effect.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from uuid import UUID

from django.core.cache import BaseCache, caches

from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.tenants import cache_prefix

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a family that an access token is checked against."""

    generation: int
    redeemable_generation: int | None
    subject: str
    backend: str


def get(session_id: UUID, family_id: UUID) -> Snapshot | None:
    """The snapshot of a family, or None if the cache has none or fails.

    Raises:
        SessionRevokedError: the session was revoked recently.

    """
    prefix = cache_prefix()
    snapshot_key = _get_snapshot_key(family_id, prefix)
    revoked_key = _get_revoked_key(session_id, prefix)
    try:
        entries = _get_cache().get_many([snapshot_key, revoked_key])
    except Exception:
        # After any failure of the cache the database decides (ASVS 16.5.3: fail closed).
        burst_logger.exception("The cache failed; reading the database")
        return None
    if revoked_key in entries:
        raise SessionRevokedError
    return Snapshot(**entries[snapshot_key]) if snapshot_key in entries else None


def store(family_id: UUID, snapshot: Snapshot) -> None:
    """Store a snapshot for ``CACHE_TIMEOUT``."""
    key = _get_snapshot_key(family_id, cache_prefix())
    try:
        _get_cache().set(key, asdict(snapshot), timeout=_get_timeout())
    except Exception:
        burst_logger.exception("The cache failed to store a snapshot")


def revoke(session_ids: Iterable[UUID], *, prefix: str) -> None:
    """Store entries that reject these sessions until their snapshots have expired.

    Args:
        session_ids: the primary keys of the revoked sessions.
        prefix: the ``cache_prefix()`` of their tenant.

    """
    if get_settings().ACCESS_TOKEN_CHECK != "cache":  # noqa: S105
        return
    keys = (_get_revoked_key(session_id, prefix) for session_id in session_ids)
    try:
        _get_cache().set_many(dict.fromkeys(keys, True), timeout=2 * _get_timeout())
    except Exception:
        burst_logger.exception(
            "The cache failed to store revoked sessions; they stay usable until CACHE_TIMEOUT"
        )


def _get_cache() -> BaseCache:
    return caches[get_settings().CACHE_ALIAS]


def _get_timeout() -> float:
    return get_settings().CACHE_TIMEOUT.total_seconds()


def _get_snapshot_key(family_id: UUID, prefix: str) -> str:
    return f"{prefix}:family:{family_id}"


def _get_revoked_key(session_id: UUID, prefix: str) -> str:
    return f"{prefix}:ended:{session_id}"
