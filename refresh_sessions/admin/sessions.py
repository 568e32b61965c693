"""Device sessions in the admin: the list, and a session's own page."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.auth import get_user_model
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.addresses import list_address, session_address
from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.admin.displays import DisplaysMixin
from refresh_sessions.admin.filters import ReasonFilter, StatusFilter
from refresh_sessions.admin.inlines import SessionEventInline, TokenFamilyInline
from refresh_sessions.admin.revoking import RevokingMixin
from refresh_sessions.models import DeviceSession, SessionStatus, TokenFamily

# A tuple within is one line of the page.
_DEVICE = (("user", "state"), ("name", "ip_address"), "user_agent", "id")
_TIMES = (("created_at", "last_used"), "expires_at")
_END = (("revoked_at", "revoked_by"),)


class SessionAdminMixin(DisplaysMixin, RevokingMixin):
    """All that the admin of device sessions does, for any class of model admin."""

    list_display: tuple[str, ...] = (
        "user",
        "device",
        "address",
        "created_at",
        "last_used",
        "expires_at",
        "state",
    )
    list_display_links = ("device",)
    list_filter: ClassVar[tuple[Any, ...]] = (StatusFilter, ReasonFilter)
    list_select_related = ("user",)
    ordering = ("-created_at",)
    search_help_text = _("User, address, name of the device or id of the session.")
    # Two counts of a large table would cost more than the page itself.
    show_full_result_count = False
    # Others have no index.
    sortable_by = ("user", "created_at", "expires_at")

    readonly_fields = flatten((*_DEVICE, *_TIMES, *_END))
    inlines: ClassVar[tuple[Any, ...]] = (TokenFamilyInline, SessionEventInline)

    class Media:
        css = {"all": ("refresh_sessions/admin.css",)}  # noqa: RUF012 - Django's own form

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceSession]:
        # Digests are not even read, so that no page can ever show one.
        families = Prefetch("families", TokenFamily.objects.defer("secret_digest"))
        return super().get_queryset(request).defer("auth_hash").prefetch_related(families)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        user = get_user_model()
        known = {field.name for field in user._meta.get_fields()}
        names = {user.USERNAME_FIELD, user.get_email_field_name()} & known
        return (*(f"user__{name}" for name in sorted(names)), "^ip_address", "name")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DeviceSession], search_term: str
    ) -> tuple[QuerySet[DeviceSession], bool]:
        try:
            session_id = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        # By the key: as text, an id is stored with dashes here and without them there.
        return queryset.filter(pk=session_id), False

    def get_fieldsets(self, request: HttpRequest, obj: DeviceSession | None = None) -> Any:
        fieldsets: list[Any] = [(None, {"fields": _DEVICE}), (_("Times"), {"fields": _TIMES})]
        if obj is not None and obj.status is SessionStatus.REVOKED:
            fieldsets.append((_("End"), {"fields": _END}))
        return fieldsets

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        session: DeviceSession = context["original"]
        if session.status is SessionStatus.LIVE and self.has_revoke_permission(request, session):
            context["revoke_url"] = session_address(self, session, page="revoke")
        of_user = {"user__exact": session.user_id}
        context["user_sessions_url"] = list_address(self, query=of_user)
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(DeviceSession)
class DeviceSessionAdmin(SessionAdminMixin, SessionModelAdmin):
    """The one of a plain Django admin."""
