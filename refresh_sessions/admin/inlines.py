"""Families and events beneath their session: to read, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent, TokenFamily

SHOWN = 50
"""Rows of one inline. A session may have had any number of events."""

if TYPE_CHECKING:
    _FamilyInline = admin.TabularInline[TokenFamily, DeviceSession]
    _EventInline = admin.TabularInline[SessionEvent, DeviceSession]
    _FormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _FamilyInline = _EventInline = admin.TabularInline
    _FormSet = BaseInlineFormSet

_DETAIL_LABELS = {
    "reason": _("reason"),
    "generation": _("generation"),
    "newest_generation": _("newest generation"),
    "user_agent": _("user agent"),
    "other_ip_address": _("address of the other"),
    "other_user_agent": _("user agent of the other"),
}


class FirstRowsFormSet(_FormSet):
    """The first rows in the inline's order.

    Cut here because Django filters the inline's queryset by session, and what has been cut can
    no longer be filtered.
    """

    def get_queryset(self) -> QuerySet[Any]:
        return self._first_rows

    @cached_property
    def _first_rows(self) -> QuerySet[Any]:
        return super().get_queryset()[:SHOWN]


class ReadOnlyInlineMixin:
    """Part of the session's page: who may see the session sees this, and nobody edits it."""

    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class TokenFamilyInline(ReadOnlyInlineMixin, _FamilyInline):
    """The chains of refresh tokens; the one last used comes first."""

    model = TokenFamily
    formset = FirstRowsFormSet
    fields = ("generation", "rotated_at", "idle_expires_at", "last_ip_address", "closed_at")
    readonly_fields = fields
    # Moves with each refresh and is never null, so it sorts alike on all databases.
    ordering = ("-idle_expires_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenFamily]:
        return super().get_queryset(request).defer("secret_digest")


class SessionEventInline(ReadOnlyInlineMixin, _EventInline):
    """The security record; the newest event comes first."""

    model = SessionEvent
    formset = FirstRowsFormSet
    fields = ("created_at", "kind", "ip_address", "actor", "described")
    readonly_fields = fields
    ordering = ("-created_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SessionEvent]:
        return super().get_queryset(request).select_related("actor")

    @admin.display(description=_("details"))
    def described(self, event: SessionEvent) -> SafeString:
        """The details in words, one to a line."""
        lines = format_html_join(
            "",
            '<span class="refresh-sessions-line">{}: {}</span>',
            ((_label(key), _in_words(key, value)) for key, value in event.details.items()),
        )
        return lines or self.get_empty_value_display()


def _label(key: str) -> str:
    return str(_DETAIL_LABELS.get(key, key.replace("_", " ")))


def _in_words(key: str, value: object) -> object:
    if key == "reason":
        return dict(RevokedReason.choices).get(str(value), value)
    return "-" if value is None or value == "" else value
