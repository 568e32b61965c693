"""Deleting security events that are older than they may be kept, while their sessions stay."""

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
    """Delete security events that happened long ago, of sessions that are kept for longer.

    Events hold addresses and user agents, which may have to go (ASVS 14.2.7) while the session's
    own row stays. No decision about a session reads its events, so none of them can make a token
    valid or hide its reuse. They are the answer to "what happened here" (ASVS 16.2.1, 16.3.3),
    and while a session can be live somebody may have to ask: those of sessions that have not
    reached their hard expiry stay, however old, unless ``of_active_sessions`` is set. Each
    batch has a transaction of its own, unless the caller has one open.

    Args:
        older_than: how long ago the event was.
        batch_size: events per transaction, up to ``MAX_BATCH_SIZE``.
        of_active_sessions: also events of sessions before their hard expiry.
        progress: called with the number deleted so far, after each batch.

    Returns:
        How many events were deleted. One that another process is just deleting is left to it.

    Raises:
        DatabaseBusyError: the database did not take a batch in several tries; those before it
            stay deleted.
        ValueError: ``older_than`` is negative, or ``batch_size`` out of bounds.

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
        # What had to be left, being locked, is not looked at again: this ends.
        after = batch[-1]
        total += deleted
        if progress is not None:
            progress(total)


def count_prunable_events(*, older_than: timedelta, of_active_sessions: bool = False) -> int:
    """How many events ``prune_events`` would delete now.

    Raises:
        DatabaseBusyError: the database did not answer in several tries.
        ValueError: ``older_than`` is negative.

    """
    using = router.db_for_write(SessionEvent)
    find = partial(_prunable, older_than, using, of_active_sessions=of_active_sessions)
    return retry_transient(using, lambda: find().count())


def _prunable(
    older_than: timedelta, using: str, *, of_active_sessions: bool
) -> QuerySet[SessionEvent]:
    if older_than < timedelta(0):
        raise ValueError("older_than must not be negative: no event is of tomorrow.")
    events = SessionEvent.objects.using(using).order_by("pk")
    # The database's clock, read once, for the reasons that pruning sessions has.
    now: datetime | None = events.values_list(DatabaseNow(), flat=True).first()
    if now is None:
        return events.none()
    old = events.filter(created_at__lte=subtract_age(now, older_than))
    return old if of_active_sessions else old.filter(session__expires_at__lte=now)


def _delete_batch(events: QuerySet[SessionEvent], using: str) -> tuple[Sequence[int], int]:
    """The keys that were looked at, and how many of them were deleted."""
    features = connections[using].features
    with transaction.atomic(using=using):
        # Found without a lock and locked by their keys: a lock on what a range finds would, on
        # MariaDB and MySQL, keep sign-ins from writing into the gaps of that range.
        batch = list(events.values_list("pk", flat=True).all())
        if not batch:
            return batch, 0
        chosen = SessionEvent.objects.using(using).filter(pk__in=batch)
        locked = chosen.order_by("pk").select_for_update(
            skip_locked=features.has_select_for_update_skip_locked
        )
        ours = list(locked.values_list("pk", flat=True))
        doomed = SessionEvent.objects.using(using).filter(pk__in=ours)
        _, deleted = doomed.delete() if ours else (0, {})
    return batch, deleted.get(SessionEvent._meta.label, 0)
