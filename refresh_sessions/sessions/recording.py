"""Writing the ends and events of sessions; each function is one statement or two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from refresh_sessions.database import DatabaseNow
from refresh_sessions.devices import Device
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def mark_revoked(
    session_ids: Iterable[UUID], *, reason: str, by: AbstractBaseUser | None, using: str
) -> int:
    """End the sessions that have not been ended yet, and say how many those were."""
    return (
        DeviceSession.objects.using(using)
        .filter(pk__in=list(session_ids), revoked_at__isnull=True)
        .update(revoked_at=DatabaseNow(), revoked_reason=reason, revoked_by=by)
    )


def record(
    session_ids: Iterable[UUID],
    kind: EventKind,
    *,
    device: Device,
    using: str,
    actor: AbstractBaseUser | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add one event to each of the sessions."""
    SessionEvent.objects.using(using).bulk_create(
        SessionEvent(
            session_id=session_id,
            kind=kind,
            created_at=DatabaseNow(),
            ip_address=device.ip_address,
            actor=actor,  # type: ignore[misc]  # the user model is the project's
            details=dict(details or {}),
        )
        for session_id in session_ids
    )
