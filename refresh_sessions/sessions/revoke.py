"""Revocation: make one or many sessions unusable, permanently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connections, router
from django.http import HttpRequest
from django.utils import timezone

from refresh_sessions.batches import BATCH_SIZE
from refresh_sessions.database import DatabaseNow, after_commit, commit_once, retry_transient
from refresh_sessions.events.record import record_events
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason
from refresh_sessions.models.relations import relate
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import access_cache
from refresh_sessions.signals import session_revoked
from refresh_sessions.sql import CompiledUpdate
from refresh_sessions.tenants import cache_prefix

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_EVENT_KINDS: Final[Mapping[str, EventKind]] = {
    RevokedReason.LOGOUT: EventKind.SIGNED_OUT,
    RevokedReason.REUSE: EventKind.REUSE_DETECTED,
    RevokedReason.SESSION_LIMIT: EventKind.LIMIT_REACHED,
    RevokedReason.RECOVERY_LIMIT: EventKind.LIMIT_REACHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Reason, actor and request of a revocation."""

    reason: str
    by: AbstractBaseUser | None = None
    request: HttpRequest | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    logout_token: tuple[UUID, int] | None = None
    """Family and generation of the token of a logout."""
    tenant_prefix: str = field(default_factory=cache_prefix)
    """The cache prefix of the tenant; the tenant may differ at the commit."""


def revoke_one(session: DeviceSession, revocation: Revocation, *, using: str) -> bool:
    """Revoke a session and return True, or return False if it was revoked before."""
    if not _REVOCATION.execute(session.pk, _get_values(revocation), using=using):
        return False
    set_revoked_fields(session, revocation)
    _record([session.pk], revocation, using)
    return True


def revoke_many(
    session_ids: Iterable[UUID], revocation: Revocation, *, using: str
) -> list[DeviceSession]:
    """Revoke those sessions that are not revoked yet, and return them."""
    unrevoked = DeviceSession.objects.using(using).unrevoked()
    rows = unrevoked.filter(pk__in=list(session_ids)).order_by("pk")
    # Locked, so that each session gets one event; ordered, to prevent deadlocks.
    no_key = connections[using].features.has_select_for_no_key_update
    sessions = list(rows.select_for_update(no_key=no_key))
    if sessions:
        ids = [session.pk for session in sessions]
        unrevoked.filter(pk__in=ids).update(**_get_values(revocation))
        for session in sessions:
            set_revoked_fields(session, revocation)
        _record(ids, revocation, using)
    return sessions


def are_revoked(sessions: Sequence[DeviceSession], revocation: Revocation, *, using: str) -> bool:
    """Whether all of these sessions are revoked for this reason."""
    ids = [session.pk for session in sessions]
    revoked = DeviceSession.objects.using(using).filter(
        pk__in=ids, revoked_at__isnull=False, revoked_reason=revocation.reason
    )
    return revoked.count() == len(ids)


def record_reuse_after_revocation(
    session: DeviceSession, revocation: Revocation, *, using: str
) -> bool:
    """Record reuse in a revoked session, and return whether it is the first."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    if not sessions.filter(reuse_detected_at__isnull=True).update(reuse_detected_at=DatabaseNow()):
        return False
    _record([session.pk], revocation, using)
    return True


def is_reuse_recorded(session: DeviceSession, *, using: str) -> bool:
    """Whether reuse was recorded for the session."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    return sessions.filter(reuse_detected_at__isnull=False).exists()


def announce_revocation(sessions: Iterable[DeviceSession], revocation: Revocation) -> None:
    """Update the cache and send signals; call it after the commit."""
    sessions = list(sessions)
    access_cache.revoke((session.pk for session in sessions), prefix=revocation.tenant_prefix)
    for session in sessions:
        session_revoked.send_robust(
            sender=DeviceSession, session=session, reason=revocation.reason, by=revocation.by
        )


_REVOCATION: Final = CompiledUpdate(DeviceSession, DeviceSession.objects.unrevoked)


def _get_values(revocation: Revocation) -> dict[str, Any]:
    """The values of the row of a revoked session."""
    family, generation = revocation.logout_token or (None, None)
    reused = revocation.reason == RevokedReason.REUSE
    return {
        "revoked_at": DatabaseNow(),
        "revoked_reason": revocation.reason,
        "revoked_by": None if revocation.by is None else revocation.by.pk,
        "revoked_family": family,
        "revoked_generation": generation,
        "reuse_detected_at": DatabaseNow() if reused else None,
    }


def set_revoked_fields(session: DeviceSession, revocation: Revocation) -> None:
    """Set the fields of the object to the values of its row, for receivers of signals."""
    # An approximation: the row has the instant of the database's clock.
    session.revoked_at = timezone.now()
    session.revoked_reason = revocation.reason
    relate(session, "revoked_by", revocation.by)


def _record(session_ids: Iterable[UUID], revocation: Revocation, using: str) -> None:
    record_events(
        session_ids,
        _EVENT_KINDS.get(revocation.reason, EventKind.REVOKED),
        request=revocation.request,
        actor=revocation.by,
        details={"reason": revocation.reason, **revocation.details},
        using=using,
    )


def revoke_session(
    session: DeviceSession,
    *,
    reason: str,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
    details: Mapping[str, Any] | None = None,
    logout_token: tuple[UUID, int] | None = None,
) -> bool:
    """Revoke one session, immediately and permanently.

    Args:
        session: the session.
        reason: a ``RevokedReason``, or another text of at most 64 characters.
        by: the user who revokes it, or None.
        request: the request for the address of the event, or None.
        details: more for the event, as JSON.
        logout_token: family and generation of the token of a logout.

    Returns:
        Whether this call revoked the session; False if it was revoked before.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(DeviceSession)
    revocation = Revocation(
        reason=reason, by=by, request=request, details=details or {}, logout_token=logout_token
    )

    with access_cache.forget_if_uncertain(session.pk):
        revoked = commit_once(
            using,
            lambda: revoke_one(session, revocation, using=using),
            is_committed=lambda revoked: (
                revoked and are_revoked([session], revocation, using=using)
            ),
        )
    if revoked:
        after_commit(using, lambda: announce_revocation([session], revocation))
    else:
        # The process that revoked it may have been killed before it updated the cache.
        access_cache.forget(session.pk, urgent=True)
    return revoked


def revoke_sessions(
    sessions: DeviceSessionQuerySet,
    *,
    reason: str,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
    logout_token: tuple[UUID, int] | None = None,
) -> int:
    """Revoke all sessions of a queryset, in batches.

    Sessions that enter the queryset meanwhile may be missed. Sessions that their account locks out
    are revoked for that reason and not counted. They must not become usable if the account changes
    back.

    Returns:
        The number of sessions revoked for ``reason``.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(DeviceSession)
    revocation = Revocation(reason=reason, by=by, request=request, logout_token=logout_token)
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
    logout_token: tuple[UUID, int] | None = None,
) -> int:
    """Revoke all sessions of a user, except the session ``keep``.

    Returns:
        The number of revoked sessions, as in ``revoke_sessions``.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    sessions = DeviceSession.objects.unended().for_user(user)
    if keep is not None:
        sessions = sessions.exclude(pk=keep.pk if isinstance(keep, DeviceSession) else keep)
    return revoke_sessions(
        sessions, reason=reason, by=by, request=request, logout_token=logout_token
    )


def revoke_locked_out(
    sessions: DeviceSessionQuerySet,
    *,
    keep: UUID | None = None,
    request: HttpRequest | None = None,
) -> int:
    """Revoke those sessions of a queryset that their accounts lock out.

    An account locks a session out if its user is inactive or has another password than at login.
    Its tokens are already refused. The revocation makes that permanent, with event and signal.

    Args:
        sessions: the sessions to check, in batches.
        keep: the session that a password change does not revoke.
        request: the request for the address of the events, or None.

    Returns:
        The number of revoked sessions.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(DeviceSession)
    return sum(
        _revoke_for_accounts(batch, using, request=request, keep=keep)
        for batch in _batches(sessions.unended(), using)
    )


def key_batches(sessions: DeviceSessionQuerySet, using: str) -> Iterator[list[UUID]]:
    """The keys of a queryset in batches."""
    return ([session.pk for session in batch] for batch in _batches(sessions, using))


def _batches(sessions: DeviceSessionQuerySet, using: str) -> Iterator[list[DeviceSession]]:
    """The sessions of a queryset with their users, in batches ordered by key.

    Without a server-side cursor, whose behaviour during updates depends on database, driver and
    connection pooler.
    """
    sessions = sessions.using(using)
    if sessions.query.is_sliced:
        # A slice cannot be filtered further.
        sessions = DeviceSession.objects.using(using).filter(
            pk__in=list(sessions.values_list("pk", flat=True))
        )
    # Resets the caller's choice of columns and prefetches.
    rows = sessions.defer(None).prefetch_related(None).select_related("user").order_by("pk")
    rows = rows.annotate(read_at=DatabaseNow())
    batch = _read_batch(rows, using)
    while batch:
        yield batch
        # A batch that is not full is the last one.
        full = len(batch) == BATCH_SIZE
        batch = _read_batch(rows.filter(pk__gt=batch[-1].pk), using) if full else []


def _read_batch(sessions: DeviceSessionQuerySet, using: str) -> list[DeviceSession]:
    return retry_transient(using, lambda: list(sessions[:BATCH_SIZE]))


def _lockout_reason(session: Any) -> str:
    """Why the account locks out a session read by ``_batches``; empty if it does not."""
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
    with access_cache.forget_if_uncertain(*session_ids):
        revoked = commit_once(
            using,
            lambda: revoke_many(session_ids, revocation, using=using),
            is_committed=lambda revoked: are_revoked(revoked, revocation, using=using),
        )
    after_commit(using, lambda: announce_revocation(revoked, revocation))
    return len(revoked)
