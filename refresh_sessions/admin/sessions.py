"""Device sessions in the admin: the list, and a session's own page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.auth import get_user_model
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from refresh_sessions.accounts import password_decides
from refresh_sessions.admin.addresses import events_address, list_address, session_address
from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.admin.displays import DisplaysMixin
from refresh_sessions.admin.filters import KindFilter, PeriodFilter, ReasonFilter, StatusFilter
from refresh_sessions.admin.inlines import TokenFamilyInline
from refresh_sessions.admin.large_lists import LargeListMixin
from refresh_sessions.admin.overview import OverviewMixin
from refresh_sessions.admin.searching import SearchMixin
from refresh_sessions.admin.signing_out import SigningOutMixin
from refresh_sessions.admin.styles import style_sheets
from refresh_sessions.admin.timeline import tell
from refresh_sessions.models import DeviceSession, SessionStatus, TokenFamily

# A tuple within is one line of the page.
_FIELDS = (
    ("user", "state", "device", "address"),
    ("signed_in_when", "last_used_when", "expires_when"),
)
_END = (("revoked_when", "revoked_by"),)
_IDENTITY = (("user_agent", "id"),)


class SessionAdminMixin(
    OverviewMixin, DisplaysMixin, SearchMixin, SigningOutMixin, LargeListMixin
):
    """All that the admin of device sessions does, for any class of model admin."""

    list_display: tuple[str, ...] = (
        "user",
        "device",
        "state",
        "address",
        "signed_in",
        "last_used",
    )
    list_display_links = ("device",)
    list_filter: ClassVar[tuple[Any, ...]] = (StatusFilter, ReasonFilter, KindFilter, PeriodFilter)
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_help_text = _(
        "The beginning of a user name or of the device's name, an address, or a session's id."
    )
    # Any other order would read all of a large table.
    sortable_by = ("signed_in", "expires")

    readonly_fields = flatten((*_FIELDS, *_END, *_IDENTITY))
    inlines: ClassVar[tuple[Any, ...]] = (TokenFamilyInline,)

    # By name, as themes have their own place for the templates that Django looks for.
    change_list_template = "admin/refresh_sessions/devicesession/change_list.html"
    change_form_template = "admin/refresh_sessions/devicesession/change_form.html"

    class Media:
        css = style_sheets("base", "list", "overview", "session")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        # Digests are not even read, so that no page can ever show one.
        families = Prefetch("families", TokenFamily.objects.defer("secret_digest"))
        sessions: Any = super().get_queryset(request).defer(*_hidden_columns())
        found: QuerySet[DeviceSession] = sessions.with_account_reason()
        return found.prefetch_related(families)

    def get_fieldsets(self, request: HttpRequest, obj: DeviceSession | None = None) -> Any:
        has_ended = obj is not None and obj.revoked_at is not None
        return [(None, {"fields": (*_FIELDS, *(_END if has_ended else ()), *_IDENTITY)})]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        session: DeviceSession = context["original"]
        if session.status is SessionStatus.LIVE and self.has_revoke_permission(request, session):
            context["revoke_url"] = session_address(self, session, page="revoke")
        of_user = {"user__exact": session.user_id}
        context["user_sessions_url"] = list_address(self, query=of_user)
        context["timeline"] = tell(session)
        context["events_url"] = events_address(self, request, session)
        return super().render_change_form(request, context, *args, **kwargs)


def _hidden_columns() -> tuple[str, ...]:
    # A session hash of the project's own can be compared in Python alone.
    in_sql = password_decides(get_user_model())
    return ("name_folded", "password_fingerprint", *(("auth_hash",) if in_sql else ()))


@admin.register(DeviceSession)
class DeviceSessionAdmin(SessionAdminMixin, SessionModelAdmin):
    """The one of a plain Django admin."""
