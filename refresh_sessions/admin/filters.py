"""Filters of the change lists, with choices from the code and not from a query."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model, OuterRef, QuerySet, Subquery, TextChoices
from django.db.models.lookups import IsNull
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import EventModelAdmin, SessionModelAdmin
from refresh_sessions.admin.overview_counts import last_days
from refresh_sessions.database import DatabaseNow
from refresh_sessions.devices import DeviceKind
from refresh_sessions.lookups import InvalidValueError, convert_value
from refresh_sessions.models import (
    Binding,
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    SessionStatus,
    TokenFamily,
    owners,
)
from refresh_sessions.models.sessions import DeviceSessionQuerySet

Choices = list[tuple[str, Any]]

IDLE: Final = "idle"

REUSE: Final = "reuse"

MISUSE: Final = "misuse"

UNBOUND: Final = "none"


class StatusFilter(admin.SimpleListFilter):
    """Status of a session by the database's clock.

    Expired sessions are two choices with different costs: the hard deadline is indexed, while
    the idle limit requires a look at each session's token families.
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
            (MISUSE, _("Copied token refused")),
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
        case _:
            return _with_alarm(sessions, status)


def _with_alarm(sessions: DeviceSessionQuerySet, status: str) -> DeviceSessionQuerySet:
    if status == REUSE:
        return sessions.filter(revoked_reason=RevokedReason.REUSE)
    if status == MISUSE:
        misused = SessionEvent.objects.filter(kind=EventKind.BOUND_TOKEN_MISUSED)
        return sessions.filter(pk__in=misused.values("session"))
    # An unknown value matches nothing, instead of removing the filter.
    return sessions.none()


class ColumnFilter(admin.SimpleListFilter):
    """Filter by one value of a column with choices."""

    column: str
    known: type[TextChoices]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Choices:
        return list(self.known.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{self.column: value})


class ReasonFilter(ColumnFilter):
    """Reason of the revocation; a custom reason of the project works in the query string."""

    title = _("reason")
    parameter_name = "reason"
    column = "revoked_reason"
    known = RevokedReason


class KindFilter(ColumnFilter):
    """Kind of device, as the user agent reports it."""

    title = _("kind of device")
    parameter_name = "kind"
    column = "kind"
    known = DeviceKind


class BindingFilter(admin.SimpleListFilter):
    """Binding of live sessions, as ``DeviceSession.bound`` tells it.

    Only live sessions: a filter of all sessions would read the families of the whole table.
    """

    title = _("binding")
    parameter_name = "bound"

    def lookups(self, request: HttpRequest, model_admin: SessionModelAdmin) -> Choices:
        return [
            (value or UNBOUND, _("Live: %(binding)s") % {"binding": label})
            for value, label in Binding.choices
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> DeviceSessionQuerySet:
        sessions: DeviceSessionQuerySet = queryset
        value = self.value()
        if value is None:
            return sessions
        if value == UNBOUND:
            return _live_with_family(sessions, Binding.NONE)
        # An unbound family refreshes the session without a key.
        return _live_with_family(sessions, value).exclude(_has_family(Binding.NONE))


def _live_with_family(sessions: DeviceSessionQuerySet, binding: str) -> DeviceSessionQuerySet:
    # As active(), which would search for a usable family once more.
    unended = sessions.filter(
        _has_family(binding), revoked_at__isnull=True, expires_at__gt=DatabaseNow()
    )
    return unended.exclude(owners.is_locked_out())


def _has_family(binding: str) -> IsNull:
    # PostgreSQL would turn EXISTS into a join that reads the whole table of families.
    families = TokenFamily.objects.usable().filter(session=OuterRef("pk"), binding=binding)
    return IsNull(Subquery(families.values("pk")[:1]), False)  # noqa: FBT003


class PeriodFilter(admin.SimpleListFilter):
    """Time of the login, in days of the current time zone."""

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
        since = _period_start(period)
        return sessions.none() if since is None else sessions.filter(created_at__gte=since)


def _period_start(period: str) -> datetime | None:
    now = timezone.now()
    if period == "hour":
        return now - timedelta(hours=1)
    days = {"today": 1, "week": 7, "month": 30}.get(period)
    if days is None:
        return None
    return last_days(days, now=now, zone=timezone.get_current_timezone())[0].start


_Events = QuerySet[SessionEvent]


class EventKindFilter(ColumnFilter):
    """Kind of the event."""

    title = _("kind")
    parameter_name = "kind"
    column = "kind"
    known = EventKind


class EventPeriodFilter(PeriodFilter):
    """Time of the event."""

    title = _("period")


class _RowFilter(admin.SimpleListFilter):
    """Filter by the key of a related row; shown only if the query string has one.

    An invalid key matches nothing, so that a wrong link never lists all events. The filter shows
    the name of the row only if the list has an event of it that the staff member may see.
    Otherwise staff could try keys to read the names of hidden rows.
    """

    lookup: str

    def row_model(self) -> type[Model]:
        raise NotImplementedError

    def get_row(self, event: SessionEvent) -> Model:
        """The related row of an event."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: EventModelAdmin) -> Choices:
        if self.value() is None:
            return []
        shown = self.queryset(request, model_admin.get_queryset(request))
        event = next(iter(shown.select_related("session__user").order_by()[:1]), None)
        label = self.value() if event is None else str(self.get_row(event))
        return [(str(self.value()), label)]

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
    """The events of one session; the session page links to it."""

    title = _("device session")
    parameter_name = "session"
    lookup = "session"

    def row_model(self) -> type[Model]:
        return DeviceSession

    def get_row(self, event: SessionEvent) -> Model:
        return event.session


class UserFilter(_RowFilter):
    """The events of all sessions of one user."""

    title = _("user")
    parameter_name = "user"
    lookup = "session__user"

    def row_model(self) -> type[Model]:
        return get_user_model()

    def get_row(self, event: SessionEvent) -> Model:
        return event.session.user
