"""How a session reads in the list and on its pages."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models import DeviceSession


def device_of(session: DeviceSession) -> SafeString:
    """The name that the device gave itself, and beneath it what its user agent says."""
    if not session.name:
        return format_html('<span class="refresh-sessions-agent">{}</span>', session)
    return format_html(
        '{}<br><span class="refresh-sessions-agent refresh-sessions-quiet">{}</span>',
        session.name,
        session.device,
    )


class DisplaysMixin:
    """The columns that are more than a field."""

    @admin.display(description=_("device"), ordering="name")
    def device(self, session: DeviceSession) -> SafeString:
        return device_of(session)

    @admin.display(description=_("address"))
    def address(self, session: DeviceSession) -> str | None:
        return session.ip_address

    @admin.display(description=_("last used"))
    def last_used(self, session: DeviceSession) -> str:
        # In words already: Django would do so in the list, but not on the session's page.
        return display_for_value(session.last_used_at, "")

    @admin.display(description=_("status"))
    def state(self, session: DeviceSession) -> SafeString:
        """The status, and beneath it why the session was ended."""
        status = session.status
        return format_html(
            '<span class="refresh-sessions-status refresh-sessions-{}">{}</span>'
            '<span class="refresh-sessions-line refresh-sessions-quiet">{}</span>',
            status.value,
            status.label,
            session.reason,
        )
