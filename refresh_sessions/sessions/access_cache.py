"""What ``ACCESS_TOKEN_CHECK = "cache"`` remembers of sessions between two looks at the row.

An ended session is remembered as such beside the snapshots of its families, and outlives them:
a request that read the row before the end and stores its snapshot after it changes nothing.
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
    """The part of a family's state that an access token is checked against."""

    generation: int
    redeemable_generation: int | None
    subject: str
    backend: str


def get(session_id: UUID, family_id: UUID) -> Snapshot | None:
    """The snapshot of a family, or None if the cache has none or does not answer.

    Raises:
        SessionRevokedError: the session has been ended moments ago.

    """
    prefix = cache_prefix()
    live, ended = _live_key(family_id, prefix), _ended_key(session_id, prefix)
    try:
        found = _cache().get_many([live, ended])
    except Exception:
        # Whatever ails the cache, the database knows the answer (ASVS 16.5.3: fail closed).
        burst_logger.exception("The cache does not answer; asking the database")
        return None
    if ended in found:
        raise SessionRevokedError
    return Snapshot(**found[live]) if live in found else None


def store(family_id: UUID, snapshot: Snapshot) -> None:
    """Keep a snapshot for ``CACHE_TIMEOUT``."""
    try:
        _cache().set(_live_key(family_id, cache_prefix()), asdict(snapshot), timeout=_timeout())
    except Exception:
        burst_logger.exception("The cache took no snapshot")


def revoke(session_ids: Iterable[UUID], *, prefix: str) -> None:
    """Have the cache refuse these sessions for as long as it may hold snapshots of them.

    ``prefix`` is the ``cache_prefix()`` of the sessions' tenant.
    """
    if get_settings().ACCESS_TOKEN_CHECK != "cache":  # noqa: S105
        return
    ended = dict.fromkeys((_ended_key(session_id, prefix) for session_id in session_ids), True)
    try:
        _cache().set_many(ended, timeout=2 * _timeout())
    except Exception:
        burst_logger.exception(
            "The cache did not learn of ended sessions; they live on in it a while"
        )


def _cache() -> BaseCache:
    return caches[get_settings().CACHE_ALIAS]


def _timeout() -> float:
    return get_settings().CACHE_TIMEOUT.total_seconds()


def _live_key(family_id: UUID, prefix: str) -> str:
    return f"{prefix}:family:{family_id}"


def _ended_key(session_id: UUID, prefix: str) -> str:
    return f"{prefix}:ended:{session_id}"
