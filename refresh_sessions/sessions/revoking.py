"""Ending sessions, one or many. A session that has ended stays so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import router
from django.http import HttpRequest

from refresh_sessions.database import DatabaseNow, after_commit, commit_when_busy, retry_when_busy
from refresh_sessions.models import DeviceSession, RevokedReason
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
    presented: tuple[UUID, int] | None = None,
) -> bool:
    """End one session, at once and for good.

    Args:
        session: the session to end.
        reason: a ``RevokedReason`` or a short text of the project's own (64 characters).
        by: who ended it, if a person did.
        request: whose address goes into the event.
        details: more for the event, as JSON.
        presented: family and generation of the token by which its holder signs out.

    Returns:
        Whether this call ended it; False when it had ended before.

    Raises:
        DatabaseBusyError: the database did not take the change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    ending = Ending(
        reason=reason, by=by, request=request, details=details or {}, presented=presented
    )

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
    presented: tuple[UUID, int] | None = None,
) -> int:
    """End all sessions of a queryset that have not ended yet, and say how many those were.

    They are ended in batches, so a session that joins the queryset meanwhile may be missed.
    Sessions that the account forbids to use are revoked for that reason, and not counted: they
    must not become usable if the account changes back.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    ending = Ending(reason=reason, by=by, request=request, presented=presented)
    total = 0
    for batch in _batches(sessions, using):
        _revoke_for_accounts(batch, using, request=request)
        others = [session.pk for session in batch if not _lockout_reason(session)]
        total += _revoke_batch(others, ending, using) if others else 0
    return total


def revoke_user_sessions(
    user: AbstractBaseUser,
    *,
    reason: str,
    keep: DeviceSession | UUID | None = None,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
    presented: tuple[UUID, int] | None = None,
) -> int:
    """Sign a user out everywhere, or everywhere but on the device of ``keep``.

    Returns:
        How many live sessions were ended, as ``revoke_sessions`` counts them.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    sessions = DeviceSession.objects.unended().for_user(user)
    if keep is not None:
        sessions = sessions.exclude(pk=keep.pk if isinstance(keep, DeviceSession) else keep)
    return revoke_sessions(sessions, reason=reason, by=by, request=request, presented=presented)


def revoke_locked_out(
    sessions: DeviceSessionQuerySet,
    *,
    keep: UUID | None = None,
    request: HttpRequest | None = None,
) -> int:
    """Write down which sessions of a queryset their accounts forbid to use, and revoke those.

    A session is locked out when its user is inactive or has another password than at login.
    Its tokens are refused by then; the revocation makes that permanent, with event and signal.

    Args:
        sessions: those to look at, in batches.
        keep: the session that a changed password does not revoke.
        request: whose address goes into the events.

    Returns:
        How many sessions were revoked.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    return sum(
        _revoke_for_accounts(batch, using, request=request, keep=keep)
        for batch in _batches(sessions.unended(), using)
    )


def key_batches(sessions: DeviceSessionQuerySet, using: str) -> Iterator[list[UUID]]:
    """The keys of a queryset, never more than one batch of them in memory."""
    return ([session.pk for session in batch] for batch in _batches(sessions, using))


def _batches(sessions: DeviceSessionQuerySet, using: str) -> Iterator[list[DeviceSession]]:
    """The sessions of a queryset with their users, never more than one batch in memory.

    By the key from batch to batch: a cursor held open would depend on the database, its driver
    and a connection pooler to keep its place while the rows change.
    """
    sessions = sessions.using(using)
    if sessions.query.is_sliced:
        # A slice cannot be filtered further, and its bounds were the caller's choice.
        sessions = DeviceSession.objects.using(using).filter(
            pk__in=list(sessions.values_list("pk", flat=True))
        )
    # Whatever the caller left out or added is of no use here.
    whole = sessions.defer(None).prefetch_related(None).select_related("user").order_by("pk")
    whole = whole.annotate(read_at=DatabaseNow())
    batch = _read(whole, using)
    while batch:
        yield batch
        # A batch that is not full was the last one.
        full = len(batch) == BATCH_SIZE
        batch = _read(whole.filter(pk__gt=batch[-1].pk), using) if full else []


def _read(sessions: DeviceSessionQuerySet, using: str) -> list[DeviceSession]:
    return retry_when_busy(using, lambda: list(sessions[:BATCH_SIZE]))


def _lockout_reason(session: Any) -> str:
    """Why the account alone forbids the use of a session read by ``_batches``, or empty."""
    has_ended = session.revoked_at is not None or session.expires_at <= session.read_at
    return "" if has_ended else session.account_reason


def _revoke_for_accounts(
    sessions: Iterable[DeviceSession],
    using: str,
    *,
    request: HttpRequest | None,
    keep: UUID | None = None,
) -> int:
    reasons: dict[str, list[UUID]] = {}
    for session in sessions:
        reason = _lockout_reason(session)
        kept = session.pk == keep and reason == RevokedReason.PASSWORD_CHANGED
        if reason and not kept:
            reasons.setdefault(reason, []).append(session.pk)
    return sum(
        _revoke_batch(ids, Ending(reason=reason, request=request), using)
        for reason, ids in reasons.items()
    )


def _revoke_batch(session_ids: list[UUID], ending: Ending, using: str) -> int:
    ended = commit_when_busy(
        using,
        lambda: end_many(session_ids, ending, using=using),
        is_committed=lambda ended: have_ended(ended, ending, using=using),
    )
    after_commit(using, lambda: announce(ended, ending))
    return len(ended)
