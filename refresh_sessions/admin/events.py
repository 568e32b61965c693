"""Session events in the admin: read-only list and CSV download."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import EventModelAdmin, ReadOnlyMixin, style_sheets
from refresh_sessions.admin.display import render_device, time_tag
from refresh_sessions.admin.export import ExportMixin
from refresh_sessions.admin.filters import (
    EventKindFilter,
    EventPeriodFilter,
    SessionFilter,
    UserFilter,
)
from refresh_sessions.admin.links import changelist_url, session_url
from refresh_sessions.admin.pagination import LargeListMixin
from refresh_sessions.admin.search import EventSearchMixin
from refresh_sessions.admin.timeline import describe_details, get_tone
from refresh_sessions.models import DeviceSession, SessionEvent

_COLUMNS: Final = ("time", "happened", "user", "device", "ip_address", "actor", "described")


class EventAdminMixin(ExportMixin, EventSearchMixin, ReadOnlyMixin, LargeListMixin):
    """The admin of session events, for any base class of model admin."""

    list_display: tuple[str, ...] = _COLUMNS
    list_filter: ClassVar[tuple[Any, ...]] = (
        EventKindFilter,
        EventPeriodFilter,
        SessionFilter,
        UserFilter,
    )
    list_select_related = ("session__user", "actor")
    ordering = ("-created_at",)
    # Explicit names, because themes replace the templates that Django finds by convention.
    change_list_template = "admin/refresh_sessions/sessionevent/change_list.html"
    search_help_text = _("Search by address, session ID or the start of a user name.")
    sortable_by = ("time",)
    actions = None

    fields = _COLUMNS
    readonly_fields = _COLUMNS

    class Media:
        css = style_sheets("base", "list", "events")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SessionEvent]:
        return (
            super()
            .get_queryset(request)
            .defer("session__auth_hash", "session__password_fingerprint", "session__name_folded")
        )

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._with_session_link(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: SessionEvent | None = None) -> Any:
        return self._with_session_link(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: SessionEvent | None = None) -> Any:
        return self._with_session_link(request, super().get_readonly_fields(request, obj))

    @admin.display(description=_("time"), ordering="created_at")
    def time(self, event: SessionEvent) -> SafeString:
        """The exact time with seconds, and the relative time below."""
        exact = timezone.localtime(event.created_at)
        return format_html(
            '{}<span class="refresh-sessions-line refresh-sessions-quiet">{}</span>',
            # Comparison with other logs needs the seconds.
            f"{exact:%Y-%m-%d %H:%M:%S}",
            time_tag(event.created_at),
        )

    @admin.display(description=_("kind"))
    def happened(self, event: SessionEvent) -> SafeString:
        tone, _sign = get_tone(event.kind)
        return format_html(
            '<span class="refresh-sessions-status refresh-sessions-kind-{}">{}</span>',
            tone,
            event.get_kind_display(),
        )

    @admin.display(description=_("user"))
    def user(self, event: SessionEvent) -> SafeString:
        """The user of the session, with a link to the events of all sessions of the user."""
        user = event.session.user
        address = changelist_url(self, query={"user": user.pk})
        return format_html('<a href="{}">{}</a>', address, user)

    @admin.display(description=_("device"))
    def device(self, event: SessionEvent) -> SafeString:
        return render_device(event.session)

    @admin.display(description=_("device"))
    def linked_device(self, event: SessionEvent) -> SafeString:
        """The device, with a link to the page of its session."""
        session_admin = self.admin_site.get_model_admin(DeviceSession)
        address = session_url(session_admin, event.session, page="change")
        return format_html('<a href="{}">{}</a>', address, render_device(event.session))

    @admin.display(description=_("details"))
    def described(self, event: SessionEvent) -> SafeString | str:
        return describe_details(event) or self.get_empty_value_display()

    def _with_session_link(self, request: HttpRequest, columns: Any) -> Any:
        """Replace the device column with the linked one if the user may view sessions here."""
        if not self.admin_site.is_registered(DeviceSession):
            return columns
        if not self.admin_site.get_model_admin(DeviceSession).has_view_permission(request):
            return columns
        return tuple("linked_device" if name == "device" else name for name in columns)


@admin.register(SessionEvent)
class SessionEventAdmin(EventAdminMixin, EventModelAdmin):
    """The admin of session events in a plain Django admin."""
