"""A user's own page: how many devices are signed in, which, and a button to sign them all out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model
from django.forms import Media
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from refresh_sessions.admin.base import AnyModelAdmin, style_sheets
from refresh_sessions.admin.links import changelist_url, sign_out_url
from refresh_sessions.admin.revoke import SignOutMixin
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions.queries import own_live_sessions


class UserSessionsMixin(AnyModelAdmin):
    """Device sessions on the pages of the project's own admin of users.

    It goes before the class that that admin stands on::

        @admin.register(User)
        class UserAdmin(UserSessionsMixin, django.contrib.auth.admin.UserAdmin): ...

    Who may not see sessions is shown none of this, and who may not revoke them no button.
    """

    @property
    def media(self) -> Media:
        """With a style sheet for the button, whatever inner class ``Media`` the project adds."""
        return super().media + Media(css=style_sheets("users"))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, *self._session_fields(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        shown = flatten_fieldsets(fieldsets)
        # Where a project names no fieldsets, Django has put all fields into one already.
        more = [name for name in self._session_fields(request, obj) if name not in shown]
        if not more:
            return fieldsets
        return (*fieldsets, (gettext_lazy("Device sessions"), {"fields": more}))

    @admin.display(description=gettext_lazy("signed in"))
    def signed_in_devices(self, user: Any) -> SafeString:
        """How many sessions are live, with a link to all."""
        live = own_live_sessions(user).count()
        sessions = self.admin_site.get_model_admin(DeviceSession)
        text = ngettext("on %(count)d device", "on %(count)d devices", live) % {"count": live}
        return format_html(
            '{} · <a href="{}">{}</a>',
            text if live else gettext("on no device"),
            changelist_url(sessions, query={"user__exact": user.pk}),
            gettext("All sessions of this user"),
        )

    @admin.display(description=gettext_lazy("sign out"))
    def sign_out_of_devices(self, user: Any) -> SafeString:
        """The button; it leads to the page that asks."""
        return format_html(
            '<a href="{}" class="button refresh-sessions-out" role="button">{}</a> '
            '<span class="help">{}</span>',
            sign_out_url(self.admin_site.get_model_admin(DeviceSession), user),
            gettext("Sign out everywhere"),
            gettext(
                "Revokes all device sessions. Sign-ins with Django's session cookie, such as "
                "those to this admin, are not affected."
            ),
        )

    def _session_fields(self, request: HttpRequest, user: Model | None) -> list[str]:
        if user is None or not self.admin_site.is_registered(DeviceSession):
            return []
        sessions = self.admin_site.get_model_admin(DeviceSession)
        if not sessions.has_view_permission(request):
            return []
        # A project may have registered an admin of sessions that is none of ours.
        may_revoke = isinstance(sessions, SignOutMixin) and sessions.has_revoke_permission(request)
        return ["signed_in_devices", *(["sign_out_of_devices"] if may_revoke else [])]
