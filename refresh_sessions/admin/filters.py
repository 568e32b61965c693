"""Filters of the list. Their choices come from the code: no query reads them off the table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.models import RevokedReason, SessionStatus
from refresh_sessions.models.sessions import DeviceSessionQuerySet

_Choices = list[tuple[str, Any]]


class StatusFilter(admin.SimpleListFilter):
    """Live, expired or revoked, by the database's clock."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: SessionModelAdmin) -> _Choices:
        return list(SessionStatus.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> DeviceSessionQuerySet:
        sessions: DeviceSessionQuerySet = queryset
        match self.value():
            case SessionStatus.LIVE:
                return sessions.active()
            case SessionStatus.EXPIRED:
                return sessions.expired()
            case SessionStatus.REVOKED:
                return sessions.revoked()
            case _:
                return sessions


class ReasonFilter(admin.SimpleListFilter):
    """The reasons of this package; for one of the project's own, write it into the address."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: SessionModelAdmin) -> _Choices:
        return list(RevokedReason.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> DeviceSessionQuerySet:
        sessions: DeviceSessionQuerySet = queryset
        reason = self.value()
        return sessions if reason is None else sessions.filter(revoked_reason=reason)
