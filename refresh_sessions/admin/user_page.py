"""Device sessions on the admin page of a user, with a button that revokes all of them."""

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
    """Device sessions on the pages of the project's user admin.

    Place the mixin before the base class::

        @admin.register(User)
        class UserAdmin(UserSessionsMixin, django.contrib.auth.admin.UserAdmin): ...

    The fields require the permission to view sessions; the button also requires the permission
    to revoke them.
    """

    @property
    def media(self) -> Media:
        """The media of the base class and the style sheet of the button."""
        return super().media + Media(css=style_sheets("users"))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, *self._session_fields(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        shown = flatten_fieldsets(fieldsets)
        # Without fieldsets of the project, Django has put all fields into one fieldset.
        more = [name for name in self._session_fields(request, obj) if name not in shown]
        if not more:
            return fieldsets
        return (*fieldsets, (gettext_lazy("Device sessions"), {"fields": more}))

    @admin.display(description=gettext_lazy("signed in"))
    def signed_in_devices(self, user: Any) -> SafeString:
        """The number of live sessions, with a link to all sessions of the user."""
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
        """The button; it links to the confirmation page."""
        return format_html(
            '<a href="{}" class="button refresh-sessions-sign-out" role="button">{}</a> '
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
        # A project may have registered a session admin without our mixins.
        may_revoke = isinstance(sessions, SignOutMixin) and sessions.has_revoke_permission(request)
        return ["signed_in_devices", *(["sign_out_of_devices"] if may_revoke else [])]
