"""Writing the security events of sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpRequest

from refresh_sessions.database import DatabaseNow
from refresh_sessions.devices import read_device
from refresh_sessions.models import EventKind, SessionEvent

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def record_events(
    session_ids: Iterable[UUID],
    kind: EventKind,
    *,
    request: HttpRequest | None,
    using: str,
    actor: AbstractBaseUser | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add one event to each of the sessions."""
    address = read_device(request).ip_address
    SessionEvent.objects.using(using).bulk_create(
        SessionEvent(
            session_id=session_id,
            kind=kind,
            created_at=DatabaseNow(),
            ip_address=address,
            # The key alone: a router may not let an object of the replica be assigned.
            actor_id=None if actor is None else actor.pk,
            details=dict(details or {}),
        )
        for session_id in session_ids
    )
