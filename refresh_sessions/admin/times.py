"""Instants as people say them, the exact one a look away."""

from __future__ import annotations

from datetime import datetime

from django.contrib.admin.utils import display_for_value
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from refresh_sessions.relative import in_relation


def in_full(instant: datetime) -> str:
    """The instant in the current time zone, as elsewhere in the admin."""
    return display_for_value(instant, "")


def moment(instant: datetime | None) -> SafeString | str:
    """The element that says how long ago it was, and exactly when to those who point at it."""
    if instant is None:
        return ""
    return format_html(
        '<time dir="auto" datetime="{}" title="{}">{}</time>',
        instant.isoformat(timespec="seconds"),
        in_full(instant),
        in_relation(instant, now=timezone.now()),
    )


def full_moment(instant: datetime | None) -> SafeString | str:
    """The element that says exactly when it was, and beneath it how long ago."""
    if instant is None:
        return ""
    return format_html(
        '<time dir="auto" datetime="{}">{}</time> '
        '<span dir="auto" class="refresh-sessions-quiet">({})</span>',
        instant.isoformat(timespec="seconds"),
        in_full(instant),
        in_relation(instant, now=timezone.now()),
    )
