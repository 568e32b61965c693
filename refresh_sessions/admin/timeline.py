"""The timeline of a session: events and their details as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy as _

from refresh_sessions.admin.display import format_instant
from refresh_sessions.exceptions import DeviceProofRequiredError, ProofFault
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    SessionStatus,
)
from refresh_sessions.naturaltime import naturaltime

_EXPLANATIONS: Final[Mapping[str, Promise]] = {
    EventKind.BOUND_TOKEN_MISUSED: _(
        "Somebody presented a copied token of this session without the device's key. Nothing was "
        "lost: the token was refused, and the session stays signed in. Find out where the token "
        "was copied."
    ),
}
"""What a kind of event means, where its name does not tell."""

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

_REASONS: Final[Mapping[str, Any]] = {
    **dict(RevokedReason.choices),
    ProofFault.MISSING: _("no proof of the key"),
    ProofFault.MALFORMED: _("an invalid proof of the key"),
    ProofFault.KEY: _("a proof of another key"),
    # A browser's bound cookie (DBSC) of another token family.
    DeviceProofRequiredError.code: _("a bound cookie of another session"),
}


def describe_details(event: SessionEvent) -> SafeString:
    """The explanation and the details of an event, one per line; empty if there are none."""
    explanation = _EXPLANATIONS.get(event.kind)
    details = format_html_join(
        "",
        '<span class="refresh-sessions-line">{}: {}</span>',
        ((_label(key), _value(key, value)) for key, value in event.details.items()),
    )
    if explanation is None:
        return details
    line = '<span class="refresh-sessions-line refresh-sessions-explanation">{}</span>{}'
    return format_html(line, explanation, details)


def _label(key: str) -> str:
    return str(_LABELS.get(key, key.replace("_", " ")))


def _value(key: str, value: object) -> object:
    if key == "reason":
        return _REASONS.get(str(value), value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    return "-" if value is None or value == "" else value


SHOWN: Final = 50
"""Maximum number of events in a timeline."""

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
    EventKind.BOUND_TOKEN_MISUSED: ("alarm", "!"),
    EventKind.TOKEN_AHEAD_OF_DATABASE: ("alarm", "!"),
}

_OTHER: Final = ("quiet", "•")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event of the timeline."""

    at: datetime
    text: str
    tone: str
    """CSS suffix of the colour: ``good``, ``quiet``, ``ended``, ``alarm`` or ``ahead``."""
    sign: str
    """One character that repeats the meaning of the colour."""
    address: str = ""
    actor: str = ""
    details: SafeString | str = ""

    @property
    def ago(self) -> str:
        """The relative time."""
        return naturaltime(self.at, now=timezone.now())

    @property
    def when(self) -> str:
        """The exact time."""
        return format_instant(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The newest events of a session, the newest first."""

    entries: list[TimelineEntry]
    is_cut: bool
    """Whether older events are left out."""


def build_timeline(session: DeviceSession) -> Timeline:
    """Build the timeline of a session with one query."""
    events = session.events.select_related("actor").order_by("-created_at", "-pk")
    newest = list(events[: SHOWN + 1])
    entries = [_event_entry(event) for event in newest[:SHOWN]]
    return Timeline(entries=[*_expiry_entry(session), *entries], is_cut=len(newest) > SHOWN)


def get_tone(kind: str) -> tuple[str, str]:
    """The colour and the character of a kind of event."""
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


def _expiry_entry(session: DeviceSession) -> Iterator[TimelineEntry]:
    """The entry of the expiry, past or future; none for a revoked session."""
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
