"""The timeline of a session: its events and their details in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.display import format_instant
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    SessionStatus,
)
from refresh_sessions.naturaltime import naturaltime

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


def describe_details(event: SessionEvent) -> SafeString:
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


SHOWN: Final = 50
"""Events of one story. A session may have had any number."""

_TONES: Final[Mapping[str, tuple[str, str]]] = {
    EventKind.SIGNED_IN: ("good", "→"),
    EventKind.REAUTHENTICATED: ("good", "✓"),
    EventKind.PASSWORD_CHANGED: ("good", "✓"),
    EventKind.FAMILY_OPENED: ("good", "+"),
    EventKind.REAUTHENTICATION_FAILED: ("ended", "✗"),
    EventKind.SIGNED_OUT: ("quiet", "←"),
    EventKind.REVOKED: ("ended", "✕"),
    EventKind.LIMIT_REACHED: ("ended", "✕"),
    EventKind.REUSE_DETECTED: ("alarm", "!"),
    EventKind.TOKEN_AHEAD_OF_DATABASE: ("alarm", "!"),
}

_OTHER: Final = ("quiet", "•")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened, ready to be read."""

    at: datetime
    text: str
    tone: str
    """``good``, ``quiet``, ``ended`` or ``alarm``: the colour."""
    sign: str
    """One character, for those who tell colours apart badly."""
    address: str = ""
    actor: str = ""
    details: SafeString | str = ""

    @property
    def ago(self) -> str:
        """How long ago, in words."""
        return naturaltime(self.at, now=timezone.now())

    @property
    def when(self) -> str:
        """Exactly when, in words."""
        return format_instant(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What happened, the newest first."""

    entries: list[TimelineEntry]
    is_cut: bool
    """Whether there were more events than are told."""


def build_timeline(session: DeviceSession) -> Timeline:
    """Tell the story in one query, whatever its length."""
    events = session.events.select_related("actor").order_by("-created_at", "-pk")
    newest = list(events[: SHOWN + 1])
    told = [_event_entry(event) for event in newest[:SHOWN]]
    return Timeline(entries=[*_limit_entry(session), *told], is_cut=len(newest) > SHOWN)


def get_tone(kind: str) -> tuple[str, str]:
    """The colour of a kind of event, and the character that stands for it."""
    return _TONES.get(kind, _OTHER)


def _event_entry(event: SessionEvent) -> TimelineEntry:
    tone, sign = get_tone(event.kind)
    return TimelineEntry(
        at=event.created_at,
        text=str(event.get_kind_display()),
        tone=tone,
        sign=sign,
        address=event.ip_address or "",
        actor=str(event.actor) if event.actor else "",
        details=describe_details(event),
    )


def _limit_entry(session: DeviceSession) -> Iterator[TimelineEntry]:
    """The end that nobody has to bring about, unless somebody brought one about before it."""
    match session.status:
        case SessionStatus.LIVE:
            text = gettext("Expires unless it ends earlier")
            yield TimelineEntry(at=session.expires_at, text=text, tone="ahead", sign="⋯")
        case SessionStatus.EXPIRED if session.expires_at <= timezone.now():
            yield TimelineEntry(
                at=session.expires_at, text=gettext("Expired"), tone="quiet", sign="■"
            )
        case SessionStatus.EXPIRED:
            text = gettext("Expired: unused for too long")
            ends = [
                family.closed_at or family.idle_expires_at for family in session.known_families
            ]
            at = max(ends, default=session.created_at)
            yield TimelineEntry(at=at, text=text, tone="quiet", sign="■")
        case _:
            pass
