"""Ending sessions, one or many. A session that has ended stays so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import router
from django.http import HttpRequest

from refresh_sessions.database import after_commit, commit_when_busy
from refresh_sessions.models import DeviceSession
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions.ending import Ending, announce, end_many, end_one, have_ended

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

BATCH_SIZE: Final = 500
"""Sessions ended in one transaction: enough to be quick, few enough to block nobody for long."""


def revoke_session(
    session: DeviceSession,
    *,
    reason: str,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
    details: Mapping[str, Any] | None = None,
) -> bool:
    """End one session, at once and for good.

    Args:
        session: the session to end.
        reason: a ``RevokedReason`` or a short text of the project's own (64 characters).
        by: who ended it, if a person did.
        request: whose address goes into the event.
        details: more for the event, as JSON.

    Returns:
        Whether this call ended it; False when it had ended before.

    Raises:
        DatabaseBusyError: the database did not take the change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    ending = Ending(reason=reason, by=by, request=request, details=details or {})

    ended = commit_when_busy(
        using,
        lambda: end_one(session, ending, using=using),
        is_committed=lambda ended: ended and have_ended([session], ending, using=using),
    )
    if ended:
        after_commit(using, lambda: announce([session], ending))
    return ended


def revoke_sessions(
    sessions: DeviceSessionQuerySet,
    *,
    reason: str,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
) -> int:
    """End all sessions of a queryset that have not ended yet, and say how many those were.

    They are ended in batches, so a session that joins the queryset meanwhile may be missed.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    ending = Ending(reason=reason, by=by, request=request)
    batches = key_batches(sessions, using)
    return sum(_revoke_batch(session_ids, ending, using) for session_ids in batches)


def revoke_user_sessions(
    user: AbstractBaseUser,
    *,
    reason: str,
    keep: DeviceSession | UUID | None = None,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
) -> int:
    """Sign a user out everywhere, or everywhere but on the device of ``keep``.

    Returns:
        How many live sessions were ended.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    sessions = DeviceSession.objects.active().for_user(user)
    if keep is not None:
        sessions = sessions.exclude(pk=keep.pk if isinstance(keep, DeviceSession) else keep)
    return revoke_sessions(sessions, reason=reason, by=by, request=request)


def key_batches(sessions: DeviceSessionQuerySet, using: str) -> Iterator[list[UUID]]:
    """The keys of a queryset, never more than one batch of them in memory.

    By the key from batch to batch: a cursor held open would depend on the database, its driver
    and a connection pooler to keep its place while the rows change.
    """
    sessions = sessions.using(using)
    if sessions.query.is_sliced:
        # A slice cannot be filtered further, and its bounds were the caller's choice.
        sessions = DeviceSession.objects.using(using).filter(
            pk__in=list(sessions.values_list("pk", flat=True))
        )
    keys = sessions.order_by("pk").values_list("pk", flat=True)
    batch = list(keys[:BATCH_SIZE])
    while batch:
        yield batch
        # A batch that is not full was the last one.
        full = len(batch) == BATCH_SIZE
        batch = list(keys.filter(pk__gt=batch[-1])[:BATCH_SIZE]) if full else []


def _revoke_batch(session_ids: list[UUID], ending: Ending, using: str) -> int:
    ended = commit_when_busy(
        using,
        lambda: end_many(session_ids, ending, using=using),
        is_committed=lambda ended: have_ended(ended, ending, using=using),
    )
    after_commit(using, lambda: announce(ended, ending))
    return len(ended)
