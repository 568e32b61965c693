"""Families beneath their session: to read, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property

from refresh_sessions.models import DeviceSession, TokenFamily

SHOWN = 50
"""Rows of the inline; ``MAX_FAMILIES_PER_SESSION`` may be any number."""

if TYPE_CHECKING:
    _FamilyInline = admin.TabularInline[TokenFamily, DeviceSession]
    _FormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _FamilyInline = admin.TabularInline
    _FormSet = BaseInlineFormSet


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
