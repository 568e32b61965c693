"""Filters of the list of events: each can be answered by one index, and none reads its choices."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import EventModelAdmin
from refresh_sessions.admin.filters import Choices, ColumnFilter, PeriodFilter
from refresh_sessions.lookups import UnfitValueError, value_for
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent

_Events = QuerySet[SessionEvent]


class EventKindFilter(ColumnFilter):
    """What happened."""

    title = _("kind")
    parameter_name = "kind"
    column = "kind"
    known = EventKind


class EventPeriodFilter(PeriodFilter):
    """When it happened."""

    title = _("period")


class _RowFilter(admin.SimpleListFilter):
    """One row of another table, by its key; offered only where the address has it.

    A key that is none matches nothing: who follows a link to the events of one must never take
    those of all for them. The row has its name only where the list itself shows it: in an event
    that these staff may see. Any other key could be tried for the name behind it.
    """

    lookup: str

    def row_model(self) -> type[Model]:
        raise NotImplementedError

    def row_of(self, event: SessionEvent) -> Model:
        """The row that an event of its own leads to."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: EventModelAdmin) -> Choices:
        if self.value() is None:
            return []
        shown = self.queryset(request, model_admin.get_queryset(request))
        event = next(iter(shown.select_related("session__user").order_by()[:1]), None)
        named = self.value() if event is None else str(self.row_of(event))
        return [(str(self.value()), named)]

    def queryset(self, request: HttpRequest, queryset: Any) -> _Events:
        events: _Events = queryset
        if self.value() is None:
            return events
        key = self._key()
        return events.none() if key is None else events.filter(**{self.lookup: key})

    def _key(self) -> object | None:
        try:
            key: object = value_for(self.row_model()._meta.pk, self.value())
        except UnfitValueError:
            return None
        return key


class SessionFilter(_RowFilter):
    """The events of one session, as its page links to them."""

    title = _("device session")
    parameter_name = "session"
    lookup = "session"

    def row_model(self) -> type[Model]:
        return DeviceSession

    def row_of(self, event: SessionEvent) -> Model:
        return event.session


class UserFilter(_RowFilter):
    """The events of all sessions of one user."""

    title = _("user")
    parameter_name = "user"
    lookup = "session__user"

    def row_model(self) -> type[Model]:
        return get_user_model()

    def row_of(self, event: SessionEvent) -> Model:
        return event.session.user
