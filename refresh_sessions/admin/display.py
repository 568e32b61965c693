"""Display of sessions and instants in the list and on the pages."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from refresh_sessions.devices import device_icon
from refresh_sessions.models import DeviceSession, SessionStatus
from refresh_sessions.naturaltime import naturaltime


def format_instant(instant: datetime) -> str:
    """The instant in the current time zone, as elsewhere in the admin."""
    return display_for_value(instant, "")


def time_tag(instant: datetime | None) -> SafeString | str:
    """The element that says how long ago it was, and exactly when to those who point at it."""
    if instant is None:
        return ""
    return format_html(
        '<time dir="auto" datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        format_instant(instant),
        naturaltime(instant, now=timezone.now()),
    )


def full_time_tag(instant: datetime | None) -> SafeString | str:
    """The element that says exactly when it was, and beneath it how long ago."""
    if instant is None:
        return ""
    return format_html(
        '<time dir="auto" datetime="{}">{}</time> '
        '<span dir="auto" class="refresh-sessions-quiet">({})</span>',
        instant.isoformat(timespec="seconds"),
        format_instant(instant),
        naturaltime(instant, now=timezone.now()),
    )


def render_device(session: DeviceSession) -> SafeString:
    """An icon and the name that the device gave itself, and beneath what its user agent says."""
    return format_html(
        '<span class="refresh-sessions-device" title="{}">{}<span>{}</span></span>',
        session.get_kind_display(),
        device_icon(session.kind),
        _names_of(session),
    )


def _names_of(session: DeviceSession) -> SafeString:
    if session.name in {"", session.device}:
        return format_html('<span dir="auto" class="refresh-sessions-agent">{}</span>', session)
    return format_html(
        '<span class="refresh-sessions-name">{}</span>'
        '<span dir="auto" class="refresh-sessions-agent refresh-sessions-quiet">{}</span>',
        session.name,
        session.device,
    )


def render_status(session: DeviceSession) -> SafeString:
    """The status in colour, and beneath it how it goes on or why the session has ended."""
    status = session.status
    return format_html(
        '<span class="refresh-sessions-status refresh-sessions-{}">{}</span>{}',
        status.value,
        status.label,
        _line(_status_detail(session, status)),
    )


def _status_detail(session: DeviceSession, status: SessionStatus) -> SafeString | str:
    match status:
        case SessionStatus.LIVE:
            ends = format_html(gettext("expires {when}"), when=time_tag(session.expires_at))
            return format_html("<bdi>{}</bdi>", ends)
        case SessionStatus.EXPIRED if session.expires_at <= timezone.now():
            return gettext("Deadline reached")
        case SessionStatus.EXPIRED:
            return gettext("Unused for too long")
        case SessionStatus.REVOKED:
            return session.reason


def _line(text: SafeString | str) -> SafeString | str:
    """A second line in small letters, if there is anything to say."""
    if not text:
        return ""
    return format_html(
        '<span class="refresh-sessions-line refresh-sessions-quiet">{}</span>', text
    )


class DisplayMixin:
    """Columns of the list, and fields of the page, that are more than a column of the table."""

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: DeviceSession) -> SafeString:
        return render_device(session)

    @admin.display(description=gettext_lazy("address"))
    def address(self, session: DeviceSession) -> SafeString:
        return format_html("{}{}", session.ip_address or "-", _line(session.place))

    @admin.display(description=gettext_lazy("signed in"), ordering="created_at")
    def signed_in(self, session: DeviceSession) -> SafeString | str:
        return time_tag(session.created_at)

    @admin.display(description=gettext_lazy("last used"))
    def last_used(self, session: DeviceSession) -> SafeString | str:
        return time_tag(session.last_used_at)

    @admin.display(description=gettext_lazy("expires"), ordering="expires_at")
    def expires(self, session: DeviceSession) -> SafeString | str:
        return time_tag(session.expires_at)

    @admin.display(description=gettext_lazy("status"))
    def state(self, session: DeviceSession) -> SafeString:
        """The status, and beneath it why the session was ended."""
        return render_status(session)

    # On the page there is room for both, the exact instant and how long ago it was.

    @admin.display(description=gettext_lazy("signed in"))
    def signed_in_when(self, session: DeviceSession) -> SafeString | str:
        return full_time_tag(session.created_at)

    @admin.display(description=gettext_lazy("last used"))
    def last_used_when(self, session: DeviceSession) -> SafeString | str:
        return full_time_tag(session.last_used_at)

    @admin.display(description=gettext_lazy("expires"))
    def expires_when(self, session: DeviceSession) -> SafeString | str:
        return full_time_tag(session.expires_at)

    @admin.display(description=gettext_lazy("revoked"))
    def revoked_when(self, session: DeviceSession) -> SafeString | str:
        return full_time_tag(session.revoked_at)
