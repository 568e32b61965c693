"""Device sessions in the admin: the change list and the page of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.auth import get_user_model
from django.db.models import Model, OuterRef, Prefetch, QuerySet, Subquery
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import SessionModelAdmin, style_sheets
from refresh_sessions.admin.display import DisplayMixin
from refresh_sessions.admin.filters import (
    BindingFilter,
    KindFilter,
    PeriodFilter,
    ReasonFilter,
    StatusFilter,
)
from refresh_sessions.admin.links import changelist_url, events_url, session_url
from refresh_sessions.admin.overview import OverviewMixin
from refresh_sessions.admin.pagination import LargeListMixin
from refresh_sessions.admin.revoke import SignOutMixin
from refresh_sessions.admin.search import SearchMixin
from refresh_sessions.admin.timeline import build_timeline
from refresh_sessions.models import DeviceSession, SessionStatus, TokenFamily
from refresh_sessions.users import auth_hash_follows_password

SHOWN = 50
"""Maximum number of token families in the inline."""

if TYPE_CHECKING:
    _FamilyInline = admin.TabularInline[TokenFamily, DeviceSession]
    _FormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _FamilyInline = admin.TabularInline
    _FormSet = BaseInlineFormSet


class FirstRowsFormSet(_FormSet):
    """A formset with the first ``SHOWN`` rows.

    The formset applies the limit because Django filters the inline's queryset by session, and a
    sliced queryset cannot be filtered.
    """

    def get_queryset(self) -> QuerySet[Any]:
        return self._first_rows

    @cached_property
    def _first_rows(self) -> QuerySet[Any]:
        return super().get_queryset()[:SHOWN]


class ReadOnlyInlineMixin:
    """A read-only inline, visible with the permission to view the session."""

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
    """The token families of the session, the last used first."""

    model = TokenFamily
    formset = FirstRowsFormSet
    fields = (
        "generation",
        "rotated_at",
        "idle_expires_at",
        "last_ip_address",
        "binding",
        "key_thumbprint",
        "closed_at",
    )
    readonly_fields = fields
    # Each refresh sets it and it is never null, so all databases sort it alike.
    ordering = ("-idle_expires_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenFamily]:
        return super().get_queryset(request).defer("secret_digest")


# Each inner tuple is one line of the page.
_FIELDS = (
    ("user", "state", "device", "address"),
    ("signed_in_when", "last_used_when", "expires_when"),
)

_REVOCATION = (("revoked_when", "revoked_by"),)

_IDENTITY = (("user_agent", "id"),)


class SessionAdminMixin(OverviewMixin, DisplayMixin, SearchMixin, SignOutMixin, LargeListMixin):
    """The admin of device sessions, for any base class of model admin."""

    list_display: tuple[str, ...] = (
        "user",
        "device",
        "state",
        "address",
        "signed_in",
        "last_used",
    )
    list_display_links = ("device",)
    list_filter: ClassVar[tuple[Any, ...]] = (
        StatusFilter,
        ReasonFilter,
        KindFilter,
        BindingFilter,
        PeriodFilter,
    )
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_help_text = _(
        "Search by address, session ID or the start of a user name or device name."
    )
    # Any other ordering would read the whole table.
    sortable_by = ("signed_in", "expires")

    readonly_fields = flatten((*_FIELDS, *_REVOCATION, *_IDENTITY))
    inlines: ClassVar[tuple[Any, ...]] = (TokenFamilyInline,)

    # Explicit names, because themes replace the templates that Django finds by convention.
    change_list_template = "admin/refresh_sessions/devicesession/change_list.html"
    change_form_template = "admin/refresh_sessions/devicesession/change_form.html"

    class Media:
        css = style_sheets("base", "list", "overview", "session")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        # Digests are not read, so that no page can show them.
        families = Prefetch("families", TokenFamily.objects.defer("secret_digest"))
        sessions: Any = super().get_queryset(request).defer(*_hidden_columns())
        # A subquery, which is omitted when the list counts rows; a join with users would stay.
        same: Any = DeviceSession.objects.filter(pk=OuterRef("pk")).with_account_reason()
        reason = Subquery(same.values("found_account_reason"))
        found: QuerySet[DeviceSession] = sessions.annotate(found_account_reason=reason)
        return found.prefetch_related(families)

    def get_fieldsets(self, request: HttpRequest, obj: DeviceSession | None = None) -> Any:
        is_revoked = obj is not None and obj.revoked_at is not None
        return [(None, {"fields": (*_FIELDS, *(_REVOCATION if is_revoked else ()), *_IDENTITY)})]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        session: DeviceSession = context["original"]
        if session.status is SessionStatus.LIVE and self.has_revoke_permission(request, session):
            context["revoke_url"] = session_url(self, session, page="revoke")
        user_filter = {"user__exact": session.user_id}
        context["user_sessions_url"] = changelist_url(self, query=user_filter)
        context["timeline"] = build_timeline(session)
        context["events_url"] = events_url(self, request, session)
        return super().render_change_form(request, context, *args, **kwargs)


def _hidden_columns() -> tuple[str, ...]:
    # A custom session hash of the project can only be compared in Python.
    in_sql = auth_hash_follows_password(get_user_model())
    return ("name_folded", "password_fingerprint", *(("auth_hash",) if in_sql else ()))


@admin.register(DeviceSession)
class DeviceSessionAdmin(SessionAdminMixin, SessionModelAdmin):
    """The admin of device sessions in a plain Django admin."""
