"""Pruning of sessions, expired tickets and attempt counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import connections, router, transaction

from refresh_sessions.batches import BATCH_SIZE, check_batch_size, subtract_age
from refresh_sessions.database import DatabaseNow, retry_transient
from refresh_sessions.models import DeviceSession, ProofAttempts, SignInTicket
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions.revoke import revoke_locked_out

RETENTION: Final = timedelta(days=30)
"""How long sessions stay after their hard expiry: their events tell what happened (ASVS 16.2)."""


def prune_sessions(
    *,
    older_than: timedelta = RETENTION,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Delete sessions whose hard expiry is long past, with their families and events.

    The hard expiry alone counts. A session that was revoked or lay idle long before stays until
    then: a used token that comes back must still meet its row, or nobody would learn of the
    theft. Each batch has a transaction of its own, unless the caller has one open.

    Before that, revokes the live sessions whose users are inactive or have another password: a
    change that bypassed ``save()``, and that no request has met since.

    Args:
        older_than: how long ago the hard expiry was; zero deletes all that have reached it.
        batch_size: sessions per transaction, up to ``MAX_BATCH_SIZE``.
        progress: called with the number deleted so far, after each batch.

    Returns:
        How many sessions were deleted. One that another process is just pruning or ending is
        left to it, or to the next call.

    Raises:
        DatabaseBusyError: the database did not take a batch in several tries; those before it
            stay deleted.
        ValueError: ``older_than`` is negative, or ``batch_size`` out of bounds.

    """
    check_batch_size(batch_size)
    using = router.db_for_write(DeviceSession)
    revoke_locked_out(DeviceSession.objects.all())
    sessions = retry_transient(using, lambda: _prunable(older_than, using))
    total = 0
    while deleted := retry_transient(using, lambda: _delete_batch(sessions, batch_size, using)):
        total += deleted
        if progress is not None:
            progress(total)
    return total


def count_prunable_sessions(*, older_than: timedelta = RETENTION) -> int:
    """How many sessions ``prune_sessions`` would delete now.

    Raises:
        DatabaseBusyError: the database did not answer in several tries.
        ValueError: ``older_than`` is negative.

    """
    using = router.db_for_write(DeviceSession)
    return retry_transient(using, lambda: _prunable(older_than, using).count())


def _prunable(older_than: timedelta, using: str) -> DeviceSessionQuerySet:
    if older_than < timedelta(0):
        raise ValueError(
            "older_than must not be negative: sessions have to stay until their hard expiry."
        )
    sessions = DeviceSession.objects.using(using).all()
    # The database's clock, as everywhere, read once: a run then ends even where sessions expire
    # as fast as it deletes. Not in the condition itself: what a datetime minus a duration
    # yields in SQL is a matter of taste among databases.
    clock = sessions.order_by("expires_at").values_list(DatabaseNow(), flat=True)
    now: datetime | None = clock.first()
    if now is None:
        return sessions.none()
    return sessions.filter(expires_at__lte=subtract_age(now, older_than))


def _delete_batch(sessions: DeviceSessionQuerySet, batch_size: int, using: str) -> int:
    features = connections[using].features
    with transaction.atomic(using=using):
        # Locked before anything hangs on it is deleted: the order in which an end takes its
        # locks, so the two cannot wait for each other. Nor can two prunings, as each passes
        # over what the other has locked.
        oldest = sessions.order_by("expires_at").select_for_update(
            skip_locked=features.has_select_for_update_skip_locked
        )
        batch = list(oldest.values_list("pk", flat=True)[:batch_size])
        # Django's own cascade: whatever a project hangs on sessions, by foreign key or by
        # signal, goes with them.
        doomed = DeviceSession.objects.using(using).filter(pk__in=batch)
        _, deleted = doomed.delete() if batch else (0, {})
    return deleted.get(DeviceSession._meta.label, 0)


def prune_short_lived() -> int:
    """Delete expired tickets and counts of attempts, and say how many rows that were.

    Raises:
        DatabaseBusyError: the database did not take it in several tries.

    """
    return sum(_prune(model) for model in (SignInTicket, ProofAttempts))


def _prune(model: type[SignInTicket | ProofAttempts]) -> int:
    using = router.db_for_write(model)
    expired = model.objects.using(using).expired()
    return retry_transient(using, lambda: expired.delete()[0])
