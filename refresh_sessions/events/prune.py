"""Event pruning: delete old security events of sessions that are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import router
from django.db.models import QuerySet

from refresh_sessions.batches import PRUNE_BATCH_SIZE, check_batch_size, subtract_age
from refresh_sessions.bulk_delete import BulkDeletion, read_clock
from refresh_sessions.database import retry_transient
from refresh_sessions.models import DeviceSession, SessionEvent


def prune_events(
    *,
    older_than: timedelta,
    batch_size: int = PRUNE_BATCH_SIZE,
    of_active_sessions: bool = False,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Delete old security events.

    Events contain addresses and user agents, whose retention may be limited (ASVS 14.2.7). Session
    decisions do not read events, so pruning can neither make a token valid nor hide reuse.

    Events are the audit trail of a session (ASVS 16.2.1, 16.3.3). So those of sessions before
    their hard deadline are kept unless ``of_active_sessions`` is set. Each batch has its own
    transaction, unless the caller has one open.

    Args:
        older_than: the minimum age of the events.
        batch_size: events per transaction, up to ``MAX_BATCH_SIZE``.
        of_active_sessions: also delete events of sessions before their hard deadline.
        progress: called after each batch with the number of events deleted so far.

    Returns:
        The number of deleted events. Events that another process has locked are skipped.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error; earlier batches
            stay deleted.
        ValueError: ``older_than`` is negative, or ``batch_size`` is out of range.

    """
    check_batch_size(batch_size)
    using = router.db_for_write(SessionEvent)
    find = partial(_prunable, older_than, using, of_active_sessions=of_active_sessions)
    deletion = BulkDeletion(rows=retry_transient(using, find), oldest_by="created_at")
    return deletion.execute(batch_size=batch_size, progress=progress)


def count_prunable_events(*, older_than: timedelta, of_active_sessions: bool = False) -> int:
    """The number of events that ``prune_events`` would delete now.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.
        ValueError: ``older_than`` is negative.

    """
    using = router.db_for_write(SessionEvent)
    find = partial(_prunable, older_than, using, of_active_sessions=of_active_sessions)
    return retry_transient(using, lambda: find().count())


def _prunable(
    older_than: timedelta, using: str, *, of_active_sessions: bool
) -> QuerySet[SessionEvent]:
    if older_than < timedelta(0):
        raise ValueError("older_than must not be negative: events are never in the future.")
    events = SessionEvent.objects.using(using).order_by("created_at")
    # Read once, as in the pruning of sessions.
    now = read_clock(events)
    if now is None:
        return events.none()
    old = events.filter(created_at__lte=subtract_age(now, older_than))
    if of_active_sessions:
        return old
    return old.filter(session__in=DeviceSession.objects.using(using).filter(expires_at__lte=now))
