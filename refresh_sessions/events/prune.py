"""Event pruning: delete old security events of sessions that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import connections, router, transaction
from django.db.models import QuerySet

from refresh_sessions.batches import BATCH_SIZE, check_batch_size, subtract_age
from refresh_sessions.database import DatabaseNow, retry_transient
from refresh_sessions.models import SessionEvent


def prune_events(
    *,
    older_than: timedelta,
    batch_size: int = BATCH_SIZE,
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
    events = retry_transient(using, find)
    total = after = 0
    while True:
        oldest = events.filter(pk__gt=after)[:batch_size]
        batch, deleted = retry_transient(using, partial(_delete_batch, oldest, using))
        if not batch:
            return total
        # Skips locked events, so that the loop terminates.
        after = batch[-1]
        total += deleted
        if progress is not None:
            progress(total)


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
    events = SessionEvent.objects.using(using).order_by("pk")
    # Read once, as in the pruning of sessions.
    now: datetime | None = events.values_list(DatabaseNow(), flat=True).first()
    if now is None:
        return events.none()
    old = events.filter(created_at__lte=subtract_age(now, older_than))
    return old if of_active_sessions else old.filter(session__expires_at__lte=now)


def _delete_batch(events: QuerySet[SessionEvent], using: str) -> tuple[Sequence[int], int]:
    """Delete a batch; return the keys of its events and the number of deleted events."""
    features = connections[using].features
    with transaction.atomic(using=using):
        # Read without a lock, then locked by key: on MariaDB and MySQL a locking range query
        # would block the inserts of logins with gap locks.
        batch = list(events.values_list("pk", flat=True).all())
        if not batch:
            return batch, 0
        rows = SessionEvent.objects.using(using).filter(pk__in=batch)
        locked = rows.order_by("pk").select_for_update(
            skip_locked=features.has_select_for_update_skip_locked
        )
        keys = list(locked.values_list("pk", flat=True))
        rows = SessionEvent.objects.using(using).filter(pk__in=keys)
        _, deleted = rows.delete() if keys else (0, {})
    return batch, deleted.get(SessionEvent._meta.label, 0)
