"""Base classes of the model admins: types, style sheets and permissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from refresh_sessions.models import DeviceSession, SessionEvent

if TYPE_CHECKING:
    SessionModelAdmin = admin.ModelAdmin[DeviceSession]
    EventModelAdmin = admin.ModelAdmin[SessionEvent]
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    # Django's class accepts no type parameter at run time.
    SessionModelAdmin = EventModelAdmin = admin.ModelAdmin
    AnyModelAdmin = object


def style_sheets(*names: str) -> dict[str, Sequence[str]]:
    """The ``css`` of an inner class ``Media``."""
    return {"all": [f"refresh_sessions/admin/{name}.css" for name in names]}


class ReadOnlyMixin(AnyModelAdmin):
    """A read-only model admin: the permission to view is the only one that it grants."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Rows are only deleted together with their user. Before it deletes a user, Django asks
        # for this permission on each related row; a refusal would block the deletion.
        return obj is not None and self._serves_another_model(request)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Check before Django looks up the row: a 404 would reveal which keys exist.
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def _serves_another_model(self, request: HttpRequest) -> bool:
        match = request.resolver_match
        if match is None or self.admin_site.name not in match.namespaces:
            return False
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        return not (match.url_name or "").startswith(own_pages)


class PermissionsMixin(ReadOnlyMixin):
    """Viewing requires ``view_devicesession``; revoking also requires ``revoke_devicesession``."""

    def has_revoke_permission(
        self, request: HttpRequest, obj: DeviceSession | None = None
    ) -> bool:
        """Whether the user may revoke sessions; ``permissions=["revoke"]`` of actions calls it."""
        codename = get_permission_codename("revoke", self.opts)
        may_revoke = request.user.has_perm(f"{self.opts.app_label}.{codename}")
        return may_revoke and self.has_view_permission(request, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        # Without permission for any action, Django ignores the POST and renders the list.
        if request.method == "POST" and not self.get_actions(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)
