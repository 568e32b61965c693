"""Event recording: write security events of sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpRequest

from refresh_sessions.client_ip import get_client_ip
from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import EventKind, SessionEvent
from refresh_sessions.models.statements import insert_silently

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
    """Add one event to each session.

    Args:
        session_ids: the primary keys of the sessions.
        kind: the kind of the events.
        request: the request whose address is stored, or None.
        using: the alias of the database.
        actor: the user who caused the events, or None.
        details: more about the events, as JSON.

    """
    address = None if request is None else get_client_ip(request)
    events = [
        SessionEvent(
            session_id=session_id,
            kind=kind,
            created_at=DatabaseNow(),
            ip_address=address,
            # Routers may forbid the assignment of an object from a replica.
            actor_id=None if actor is None else actor.pk,
            details=dict(details or {}),
        )
        for session_id in session_ids
    ]
    if len(events) == 1:
        insert_silently(events[0], using=using)
    else:
        SessionEvent.objects.using(using).bulk_create(events)
