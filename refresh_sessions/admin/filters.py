"""Filters of the list. Their choices come from the code: no query reads them off the table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.admin.overview.days import last_days
from refresh_sessions.devices import DeviceKind
from refresh_sessions.models import RevokedReason, SessionStatus
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
            (REUSE, _("Reuse found")),
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
