"""HTML of sessions and times for the change list and the session page."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from refresh_sessions.devices import device_icon, key_icon
from refresh_sessions.models import Binding, DeviceSession, SessionStatus
from refresh_sessions.naturaltime import naturaltime


def format_instant(instant: datetime) -> str:
    """Format an instant as the admin does, in the current time zone."""
    return display_for_value(instant, "")


def time_tag(instant: datetime | None) -> SafeString | str:
    """A ``<time>`` element with the relative time; its tooltip is the exact time."""
    if instant is None:
        return ""
    return format_html(
        '<time dir="auto" datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        format_instant(instant),
        naturaltime(instant, now=timezone.now()),
    )


def full_time_tag(instant: datetime | None) -> SafeString | str:
    """A ``<time>`` element with the exact time, followed by the relative time."""
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
    """The icon and name of the device, with the description from its user agent below."""
    return format_html(
        '<span class="refresh-sessions-device" title="{}">{}<span>{}</span></span>',
        session.get_kind_display(),
        device_icon(session.kind),
        _device_names(session),
    )


def _device_names(session: DeviceSession) -> SafeString:
    if session.name in {"", session.device}:
        return format_html('<span dir="auto" class="refresh-sessions-agent">{}</span>', session)
    return format_html(
        '<span class="refresh-sessions-name">{}</span>'
        '<span dir="auto" class="refresh-sessions-agent refresh-sessions-quiet">{}</span>',
        session.name,
        session.device,
    )


def render_binding(session: DeviceSession) -> SafeString | str:
    """A key and the text "Tied to its device"; empty if the session is not bound.

    The tooltip names the kind of binding. Reads the families, as ``DeviceSession.bound``.
    """
    bound = session.bound
    if bound is None:
        return ""
    return format_html(
        '<span class="refresh-sessions-line refresh-sessions-bound" title="{}">{}{}</span>',
        dict(Binding.choices).get(bound, bound),
        key_icon(),
        gettext("Tied to its device"),
    )


def render_status(session: DeviceSession) -> SafeString:
    """The status in colour, with its expiry or the reason of the revocation below."""
    status = session.status
    return format_html(
        '<span class="refresh-sessions-status refresh-sessions-{}">{}</span>{}',
        status.value,
        status.label,
        _small_line(_status_detail(session, status)),
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


def _small_line(text: SafeString | str) -> SafeString | str:
    """A second line in small print, unless ``text`` is empty."""
    if not text:
        return ""
    return format_html(
        '<span class="refresh-sessions-line refresh-sessions-quiet">{}</span>', text
    )


class DisplayMixin:
    """Computed columns of the change list and computed fields of the session page."""

    @admin.display(description=gettext_lazy("device"))
    def device(self, session: DeviceSession) -> SafeString:
        """The device, with a sign below if the session is bound to a key."""
        return format_html("{}{}", render_device(session), render_binding(session))

    @admin.display(description=gettext_lazy("address"))
    def address(self, session: DeviceSession) -> SafeString:
        return format_html("{}{}", session.ip_address or "-", _small_line(session.place))

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
        """The status, with the reason of a revocation below."""
        return render_status(session)

    # The session page shows the exact time beside the relative one.

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
