"""Revoking sessions, one or many. A revoked session stays revoked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connections, router
from django.http import HttpRequest
from django.utils import timezone

from refresh_sessions.database import DatabaseNow, after_commit, commit_once, retry_transient
from refresh_sessions.events.record import record_events
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason
from refresh_sessions.models.relations import relate
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import access_cache
from refresh_sessions.signals import session_revoked
from refresh_sessions.tenants import cache_prefix

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_KINDS: Final[Mapping[str, EventKind]] = {
    RevokedReason.LOGOUT: EventKind.SIGNED_OUT,
    RevokedReason.REUSE: EventKind.REUSE_DETECTED,
    RevokedReason.SESSION_LIMIT: EventKind.LIMIT_REACHED,
    RevokedReason.RECOVERY_LIMIT: EventKind.LIMIT_REACHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Why sessions end, by whom, and at whose request."""

    reason: str
    by: AbstractBaseUser | None = None
    request: HttpRequest | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    presented: tuple[UUID, int] | None = None
    """Family and generation of the token by which its holder signed out."""
    tenant_prefix: str = field(default_factory=cache_prefix)
    """Of the tenant that was in force when the sessions ended: the commit may come later."""


def revoke_one(session: DeviceSession, revocation: Revocation, *, using: str) -> bool:
    """End a session, and say whether it was still to be ended."""
    if not _mark(DeviceSession.objects.using(using).filter(pk=session.pk), revocation):
        return False
    mark_revoked(session, revocation)
    _record([session.pk], revocation, using)
    return True


def revoke_many(
    session_ids: Iterable[UUID], revocation: Revocation, *, using: str
) -> list[DeviceSession]:
    """End those of the sessions that were still to be ended, and return them."""
    sessions = DeviceSession.objects.using(using).filter(pk__in=list(session_ids))
    # Locked, so that each end has one author and one event; in the order of the key, so that
    # two such calls cannot wait for each other.
    no_key = connections[using].features.has_select_for_no_key_update
    unended = sessions.filter(revoked_at__isnull=True).order_by("pk")
    ended = list(unended.select_for_update(no_key=no_key))
    if ended:
        ids = [session.pk for session in ended]
        _mark(DeviceSession.objects.using(using).filter(pk__in=ids), revocation)
        for session in ended:
            mark_revoked(session, revocation)
        _record(ids, revocation, using)
    return ended


def are_revoked(sessions: Sequence[DeviceSession], revocation: Revocation, *, using: str) -> bool:
    """Whether all of these sessions have ended, and for this reason."""
    ids = [session.pk for session in sessions]
    ended = DeviceSession.objects.using(using).filter(
        pk__in=ids, revoked_at__isnull=False, revoked_reason=revocation.reason
    )
    return ended.count() == len(ids)


def record_reuse_after_revocation(
    session: DeviceSession, revocation: Revocation, *, using: str
) -> bool:
    """Record the reuse of a token of a revoked session, and say whether it was the first."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    if not sessions.filter(reuse_detected_at__isnull=True).update(reuse_detected_at=DatabaseNow()):
        return False
    _record([session.pk], revocation, using)
    return True


def is_reuse_recorded(session: DeviceSession, *, using: str) -> bool:
    """Whether a reuse in this session has been recorded."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    return sessions.filter(reuse_detected_at__isnull=False).exists()


def announce_revocation(sessions: Iterable[DeviceSession], revocation: Revocation) -> None:
    """Tell caches and listeners, once the end is committed."""
    sessions = list(sessions)
    access_cache.revoke((session.pk for session in sessions), prefix=revocation.tenant_prefix)
    for session in sessions:
        session_revoked.send_robust(
            sender=DeviceSession, session=session, reason=revocation.reason, by=revocation.by
        )


def _mark(sessions: DeviceSessionQuerySet, revocation: Revocation) -> int:
    # An end is final: the condition is part of the UPDATE, not of a look before it.
    family, generation = revocation.presented or (None, None)
    reused = revocation.reason == RevokedReason.REUSE
    return sessions.filter(revoked_at__isnull=True).update(
        revoked_at=DatabaseNow(),
        revoked_reason=revocation.reason,
        revoked_by=revocation.by,
        revoked_family=family,
        revoked_generation=generation,
        reuse_detected_at=DatabaseNow() if reused else None,
    )


def mark_revoked(session: DeviceSession, revocation: Revocation) -> None:
    """Have the object tell what its row has, or would have had."""
    # For listeners, to the second; the row has the database's own instant, which is not read back.
    session.revoked_at = timezone.now()
    session.revoked_reason = revocation.reason
    relate(session, "revoked_by", revocation.by)


def _record(session_ids: Iterable[UUID], revocation: Revocation, using: str) -> None:
    record_events(
        session_ids,
        _KINDS.get(revocation.reason, EventKind.REVOKED),
        request=revocation.request,
        actor=revocation.by,
        details={"reason": revocation.reason, **revocation.details},
        using=using,
    )


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
    revocation = Revocation(
        reason=reason, by=by, request=request, details=details or {}, presented=presented
    )

    ended = commit_once(
        using,
        lambda: revoke_one(session, revocation, using=using),
        is_committed=lambda ended: ended and are_revoked([session], revocation, using=using),
    )
    if ended:
        after_commit(using, lambda: announce_revocation([session], revocation))
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
    revocation = Revocation(reason=reason, by=by, request=request, presented=presented)
    total = 0
    for batch in _batches(sessions, using):
        _revoke_for_accounts(batch, using, request=request)
        others = [session.pk for session in batch if not _lockout_reason(session)]
        total += _revoke_batch(others, revocation, using) if others else 0
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
    return retry_transient(using, lambda: list(sessions[:BATCH_SIZE]))


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
        _revoke_batch(ids, Revocation(reason=reason, request=request), using)
        for reason, ids in reasons.items()
    )


def _revoke_batch(session_ids: list[UUID], revocation: Revocation, using: str) -> int:
    ended = commit_once(
        using,
        lambda: revoke_many(session_ids, revocation, using=using),
        is_committed=lambda ended: are_revoked(ended, revocation, using=using),
    )
    after_commit(using, lambda: announce_revocation(ended, revocation))
    return len(ended)
