"""Instants as people say them, the exact one a look away."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib.admin.utils import display_for_value
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext

_MINUTE: Final = timedelta(minutes=1)


def in_relation(instant: datetime, *, now: datetime) -> str:
    """How far from ``now`` an instant is: "3 minutes ago", "in 2 days"."""
    if abs(now - instant) < _MINUTE:
        return gettext("just now")
    if instant > now:
        return gettext("in %(time)s") % {"time": timesince(now, instant, depth=1)}
    return gettext("%(time)s ago") % {"time": timesince(instant, now, depth=1)}


def in_full(instant: datetime) -> str:
    """The instant in the current time zone, as elsewhere in the admin."""
    return display_for_value(instant, "")


def moment(instant: datetime | None) -> SafeString | str:
    """The element that says how long ago it was, and exactly when to those who point at it."""
    if instant is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        in_full(instant),
        in_relation(instant, now=timezone.now()),
    )


def full_moment(instant: datetime | None) -> SafeString | str:
    """The element that says exactly when it was, and beneath it how long ago."""
    if instant is None:
        return ""
    return format_html(
        '<time datetime="{}">{}</time> <span class="refresh-sessions-quiet">({})</span>',
        instant.isoformat(timespec="seconds"),
        in_full(instant),
        in_relation(instant, now=timezone.now()),
    )
