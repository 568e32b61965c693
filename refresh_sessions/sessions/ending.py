"""How sessions end in the database: inside a transaction of the caller's, and unannounced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connections
from django.http import HttpRequest
from django.utils import timezone

from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, EventKind, RevokedReason
from refresh_sessions.models.relations import relate
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.sessions import snapshots
from refresh_sessions.sessions.recording import record
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
class Ending:
    """Why sessions end, by whom, and at whose request."""

    reason: str
    by: AbstractBaseUser | None = None
    request: HttpRequest | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    presented: tuple[UUID, int] | None = None
    """Family and generation of the token by which its holder signed out."""
    tenant_prefix: str = field(default_factory=cache_prefix)
    """Of the tenant that was in force when the sessions ended: the commit may come later."""


def end_one(session: DeviceSession, ending: Ending, *, using: str) -> bool:
    """End a session, and say whether it was still to be ended."""
    if not _mark(DeviceSession.objects.using(using).filter(pk=session.pk), ending):
        return False
    show_ended(session, ending)
    _record([session.pk], ending, using)
    return True


def end_many(session_ids: Iterable[UUID], ending: Ending, *, using: str) -> list[DeviceSession]:
    """End those of the sessions that were still to be ended, and return them."""
    sessions = DeviceSession.objects.using(using).filter(pk__in=list(session_ids))
    # Locked, so that each end has one author and one event; in the order of the key, so that
    # two such calls cannot wait for each other.
    no_key = connections[using].features.has_select_for_no_key_update
    unended = sessions.filter(revoked_at__isnull=True).order_by("pk")
    ended = list(unended.select_for_update(no_key=no_key))
    if ended:
        ids = [session.pk for session in ended]
        _mark(DeviceSession.objects.using(using).filter(pk__in=ids), ending)
        for session in ended:
            show_ended(session, ending)
        _record(ids, ending, using)
    return ended


def have_ended(sessions: Sequence[DeviceSession], ending: Ending, *, using: str) -> bool:
    """Whether all of these sessions have ended, and for this reason."""
    ids = [session.pk for session in sessions]
    ended = DeviceSession.objects.using(using).filter(
        pk__in=ids, revoked_at__isnull=False, revoked_reason=ending.reason
    )
    return ended.count() == len(ids)


def note_reuse_after_end(session: DeviceSession, ending: Ending, *, using: str) -> bool:
    """Record the reuse of a token of a revoked session, and say whether it was the first."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    if not sessions.filter(reuse_detected_at__isnull=True).update(reuse_detected_at=DatabaseNow()):
        return False
    _record([session.pk], ending, using)
    return True


def is_reuse_noted(session: DeviceSession, *, using: str) -> bool:
    """Whether a reuse in this session has been recorded."""
    sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
    return sessions.filter(reuse_detected_at__isnull=False).exists()


def announce(sessions: Iterable[DeviceSession], ending: Ending) -> None:
    """Tell caches and listeners, once the end is committed."""
    sessions = list(sessions)
    snapshots.forget((session.pk for session in sessions), prefix=ending.tenant_prefix)
    for session in sessions:
        session_revoked.send_robust(
            sender=DeviceSession, session=session, reason=ending.reason, by=ending.by
        )


def _mark(sessions: DeviceSessionQuerySet, ending: Ending) -> int:
    # An end is final: the condition is part of the UPDATE, not of a look before it.
    family, generation = ending.presented or (None, None)
    reused = ending.reason == RevokedReason.REUSE
    return sessions.filter(revoked_at__isnull=True).update(
        revoked_at=DatabaseNow(),
        revoked_reason=ending.reason,
        revoked_by=ending.by,
        revoked_family=family,
        revoked_generation=generation,
        reuse_detected_at=DatabaseNow() if reused else None,
    )


def show_ended(session: DeviceSession, ending: Ending) -> None:
    """Have the object tell what its row has, or would have had."""
    # For listeners, to the second; the row has the database's own instant, which is not read back.
    session.revoked_at = timezone.now()
    session.revoked_reason = ending.reason
    relate(session, "revoked_by", ending.by)


def _record(session_ids: Iterable[UUID], ending: Ending, using: str) -> None:
    record(
        session_ids,
        _KINDS.get(ending.reason, EventKind.REVOKED),
        request=ending.request,
        actor=ending.by,
        details={"reason": ending.reason, **ending.details},
        using=using,
    )
