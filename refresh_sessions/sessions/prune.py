"""Session pruning: delete old sessions, expired tickets and attempt counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import router

from refresh_sessions.batches import PRUNE_BATCH_SIZE, check_batch_size, subtract_age
from refresh_sessions.bulk_delete import BulkDeletion, read_clock
from refresh_sessions.database import retry_transient
from refresh_sessions.models import (
    DeviceSession,
    ProofAttempts,
    SessionEvent,
    SignInTicket,
    TokenFamily,
)
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions.locked_out import revoke_all_locked_out

RETENTION: Final = timedelta(days=30)
"""How long sessions are kept after their hard deadline, for their events (ASVS 16.2)."""


def prune_sessions(
    *,
    older_than: timedelta = RETENTION,
    batch_size: int = PRUNE_BATCH_SIZE,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Delete sessions some time after their hard deadline, with their families and events.

    Revoked and idle sessions are kept until then as well: the detection of reuse needs the row.
    Each batch has its own transaction, unless the caller has one open.

    First revokes live sessions whose users are inactive or have another password. This detects
    changes that bypassed ``save()``.

    Args:
        older_than: the minimum time since the hard deadline; zero deletes all past it.
        batch_size: sessions per transaction, up to ``MAX_BATCH_SIZE``.
        progress: called after each batch with the number of sessions deleted so far.

    Returns:
        The number of deleted sessions. Sessions that another process has locked are skipped.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error; earlier batches
            stay deleted.
        ValueError: ``older_than`` is negative, or ``batch_size`` is out of range.

    """
    check_batch_size(batch_size)
    using = router.db_for_write(DeviceSession)
    revoke_all_locked_out()
    deletion = BulkDeletion(
        rows=retry_transient(using, lambda: _prunable(older_than, using)),
        oldest_by="expires_at",
        children={SessionEvent: "session", TokenFamily: "session"},
    )
    return deletion.execute(batch_size=batch_size, progress=progress)


def count_prunable_sessions(*, older_than: timedelta = RETENTION) -> int:
    """The number of sessions that ``prune_sessions`` would delete now.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.
        ValueError: ``older_than`` is negative.

    """
    using = router.db_for_write(DeviceSession)
    return retry_transient(using, lambda: _prunable(older_than, using).count())


def _prunable(older_than: timedelta, using: str) -> DeviceSessionQuerySet:
    if older_than < timedelta(0):
        raise ValueError(
            "older_than must not be negative: sessions are kept until their hard deadline."
        )
    sessions = DeviceSession.objects.using(using).all()
    # Read once, so that the loop terminates even if sessions expire as fast as they are deleted.
    # Not in the condition: the arithmetic of datetimes and durations in SQL is not portable.
    now = read_clock(sessions.order_by("expires_at"))
    if now is None:
        return sessions.none()
    return sessions.filter(expires_at__lte=subtract_age(now, older_than))


def prune_short_lived() -> int:
    """Delete expired tickets and attempt counts.

    Returns:
        The number of deleted rows.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    return sum(_prune(model) for model in (SignInTicket, ProofAttempts))


def _prune(model: type[SignInTicket | ProofAttempts]) -> int:
    using = router.db_for_write(model)
    rows = model.objects.using(using).order_by("expires_at")
    now = retry_transient(using, lambda: read_clock(rows))
    if now is None:
        return 0
    deletion = BulkDeletion(rows=rows.filter(expires_at__lte=now), oldest_by="expires_at")
    return deletion.execute(batch_size=PRUNE_BATCH_SIZE)
