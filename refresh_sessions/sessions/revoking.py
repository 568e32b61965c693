"""Ending sessions, one or many. A session that has ended stays so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connections, router, transaction
from django.http import HttpRequest

from refresh_sessions.database import after_commit, retry_when_busy
from refresh_sessions.devices import device_of
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import snapshots
from refresh_sessions.sessions.recording import mark_revoked, record
from refresh_sessions.signals import session_revoked

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

BATCH_SIZE: Final = 500
"""Sessions ended in one transaction: enough to be quick, few enough to block nobody for long."""

_KINDS: Final[Mapping[str, EventKind]] = {
    RevokedReason.LOGOUT: EventKind.SIGNED_OUT,
    RevokedReason.REUSE: EventKind.REUSE_DETECTED,
    RevokedReason.SESSION_LIMIT: EventKind.LIMIT_REACHED,
    RevokedReason.RECOVERY_LIMIT: EventKind.LIMIT_REACHED,
}


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

    def attempt() -> bool:
        with transaction.atomic(using=using):
            ended = mark_revoked([session.pk], reason=reason, by=by, using=using) == 1
            if ended:
                _record_end([session.pk], reason, by, request, using, details)
        return ended

    ended = retry_when_busy(using, attempt)
    if ended:
        after_commit(using, lambda: _announce([session], reason, by))
    return ended


def revoke_sessions(
    sessions: DeviceSessionQuerySet,
    *,
    reason: str,
    by: AbstractBaseUser | None = None,
    request: HttpRequest | None = None,
) -> int:
    """End all sessions of a queryset that have not ended yet, and say how many those were.

    Raises:
        DatabaseBusyError: the database did not take a change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    session_ids = list(sessions.using(using).values_list("pk", flat=True))
    return sum(
        _revoke_batch(session_ids[start : start + BATCH_SIZE], reason, by, request, using)
        for start in range(0, len(session_ids), BATCH_SIZE)
    )


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


def _revoke_batch(
    session_ids: Sequence[UUID],
    reason: str,
    by: AbstractBaseUser | None,
    request: HttpRequest | None,
    using: str,
) -> int:
    def attempt() -> list[DeviceSession]:
        with transaction.atomic(using=using):
            # Locked, so that each end has one author and one event; in the order of the key,
            # so that two such calls cannot wait for each other.
            live = list(
                DeviceSession.objects.using(using)
                .filter(pk__in=session_ids, revoked_at__isnull=True)
                .order_by("pk")
                .select_for_update(no_key=connections[using].features.has_select_for_no_key_update)
            )
            ended = [session.pk for session in live]
            if ended:
                mark_revoked(ended, reason=reason, by=by, using=using)
                _record_end(ended, reason, by, request, using)
        return live

    ended = retry_when_busy(using, attempt)
    after_commit(using, lambda: _announce(ended, reason, by))
    return len(ended)


def _record_end(
    session_ids: Sequence[UUID],
    reason: str,
    by: AbstractBaseUser | None,
    request: HttpRequest | None,
    using: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    record(
        session_ids,
        _KINDS.get(reason, EventKind.REVOKED),
        device=device_of(request),
        actor=by,
        details={"reason": reason, **(details or {})},
        using=using,
    )


def _announce(sessions: Sequence[DeviceSession], reason: str, by: AbstractBaseUser | None) -> None:
    snapshots.forget(session.pk for session in sessions)
    for session in sessions:
        session_revoked.send_robust(sender=DeviceSession, session=session, reason=reason, by=by)
