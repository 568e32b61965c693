"""Filters of the lists. Their choices come from the code, never from a query."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet, TextChoices
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import EventModelAdmin, SessionModelAdmin
from refresh_sessions.admin.overview_counts import last_days
from refresh_sessions.devices import DeviceKind
from refresh_sessions.lookups import InvalidValueError, convert_value
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    SessionStatus,
)
from refresh_sessions.models.sessions import DeviceSessionQuerySet

Choices = list[tuple[str, Any]]

IDLE: Final = "idle"

REUSE: Final = "reuse"


class StatusFilter(admin.SimpleListFilter):
    """Where a session is in its life, by the database's clock.

    The expired ones are two choices: those past their deadline are found in an index, while of
    those that were left unused the tokens have to be looked at one by one.
    """

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: SessionModelAdmin) -> Choices:
        return [
            (SessionStatus.LIVE.value, SessionStatus.LIVE.label),
            (SessionStatus.EXPIRED.value, _("Expired: deadline reached")),
            (IDLE, _("Expired: unused for too long")),
            (SessionStatus.REVOKED.value, SessionStatus.REVOKED.label),
            (REUSE, _("Reuse detected")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> DeviceSessionQuerySet:
        sessions: DeviceSessionQuerySet = queryset
        status = self.value()
        return sessions if status is None else _with_status(sessions, status)


def _with_status(sessions: DeviceSessionQuerySet, status: str) -> DeviceSessionQuerySet:
    match status:
        case SessionStatus.LIVE:
            return sessions.active()
        case SessionStatus.EXPIRED:
            return sessions.overdue()
        case _ if status == IDLE:
            return sessions.idle()
        case SessionStatus.REVOKED:
            return sessions.revoked()
        case _ if status == REUSE:
            return sessions.filter(revoked_reason=RevokedReason.REUSE)
        case _:
            # What makes no sense matches nothing: a list of all is not what was asked for.
            return sessions.none()


class ColumnFilter(admin.SimpleListFilter):
    """One value of a column, of those that the code knows."""

    column: str
    known: type[TextChoices]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Choices:
        return list(self.known.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{self.column: value})


class ReasonFilter(ColumnFilter):
    """The reasons of this package; for one of the project's own, write it into the address."""

    title = _("reason")
    parameter_name = "reason"
    column = "revoked_reason"
    known = RevokedReason


class KindFilter(ColumnFilter):
    """Phones, tablets, computers, and what does not tell."""

    title = _("kind of device")
    parameter_name = "kind"
    column = "kind"
    known = DeviceKind


class PeriodFilter(admin.SimpleListFilter):
    """When the session was signed in, in days of the current time zone."""

    title = _("signed in")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: SessionModelAdmin) -> Choices:
        return [
            ("hour", _("Past hour")),
            ("today", _("Today")),
            ("week", _("Past 7 days")),
            ("month", _("Past 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> DeviceSessionQuerySet:
        sessions: DeviceSessionQuerySet = queryset
        period = self.value()
        if period is None:
            return sessions
        since = _beginning_of(period)
        return sessions.none() if since is None else sessions.filter(created_at__gte=since)


def _beginning_of(period: str) -> datetime | None:
    now = timezone.now()
    if period == "hour":
        return now - timedelta(hours=1)
    days = {"today": 1, "week": 7, "month": 30}.get(period)
    if days is None:
        return None
    return last_days(days, now=now, zone=timezone.get_current_timezone())[0].start


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
            key: object = convert_value(self.row_model()._meta.pk, self.value())
        except InvalidValueError:
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
