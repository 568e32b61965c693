"""Finding events by what somebody has at hand: a session's id, an address, a user."""

from __future__ import annotations

from functools import reduce
from ipaddress import ip_address
from operator import or_
from typing import Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from refresh_sessions.models import SessionEvent

MAX_USERS: Final = 100
"""Users whose events a search finds; a term that fits more is too vague for a search."""


def search_events(events: QuerySet[SessionEvent], term: str) -> QuerySet[SessionEvent]:
    """Take the term for one thing, and so ask one index; an OR over all of them would ask none."""
    for narrow in (_by_session, _by_address):
        try:
            return narrow(events, term)
        except ValueError:
            continue
    return _by_user(events, term)


def _by_session(events: QuerySet[SessionEvent], term: str) -> QuerySet[SessionEvent]:
    return events.filter(session=UUID(term))


def _by_address(events: QuerySet[SessionEvent], term: str) -> QuerySet[SessionEvent]:
    # In the one form in which databases without a type for addresses store it.
    return events.filter(ip_address=str(ip_address(term)))


def _by_user(events: QuerySet[SessionEvent], term: str) -> QuerySet[SessionEvent]:
    user = get_user_model()
    known = {field.name for field in user._meta.get_fields()}
    names = {user.USERNAME_FIELD, user.get_email_field_name()} & known
    matches = reduce(or_, (Q(**{f"{name}__icontains": term}) for name in sorted(names)))
    # As a list, not as a part of the query: from it, the database knows how few they are.
    users = user._base_manager.filter(matches).order_by("pk").values_list("pk", flat=True)
    return events.filter(session__user__in=list(users[:MAX_USERS]))
