"""What an event holds beside its columns, in words."""

from __future__ import annotations

from typing import Final

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from refresh_sessions.models import RevokedReason, SessionEvent

_LABELS: Final = {
    "ip_address": _("address"),
    "methods": _("methods"),
    "family": _("token family"),
    "reason": _("reason"),
    "generation": _("generation"),
    "newest_generation": _("newest generation"),
    "user_agent": _("user agent"),
    "other_ip_address": _("address of the other client"),
    "other_user_agent": _("user agent of the other client"),
}


def in_words(event: SessionEvent) -> SafeString:
    """The details of an event, one to a line; empty where it has none."""
    return format_html_join(
        "",
        '<span class="refresh-sessions-line">{}: {}</span>',
        ((_label(key), _value(key, value)) for key, value in event.details.items()),
    )


def _label(key: str) -> str:
    return str(_LABELS.get(key, key.replace("_", " ")))


def _value(key: str, value: object) -> object:
    if key == "reason":
        return dict(RevokedReason.choices).get(str(value), value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return "-" if value is None or value == "" else value
