"""The story of a session: its events in words, and what the clock adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from refresh_sessions.admin.details import in_words
from refresh_sessions.admin.times import in_full
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    SessionEvent,
    SessionStatus,
)
from refresh_sessions.relative import in_relation

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
class Happening:
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
        return in_relation(self.at, now=timezone.now())

    @property
    def when(self) -> str:
        """Exactly when, in words."""
        return in_full(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What happened, the newest first."""

    happenings: list[Happening]
    is_cut: bool
    """Whether there were more events than are told."""


def tell(session: DeviceSession) -> Timeline:
    """Tell the story in one query, whatever its length."""
    events = session.events.select_related("actor").order_by("-created_at", "-pk")
    newest = list(events[: SHOWN + 1])
    told = [_tell_event(event) for event in newest[:SHOWN]]
    return Timeline(happenings=[*_tell_limit(session), *told], is_cut=len(newest) > SHOWN)


def tone_of(kind: str) -> tuple[str, str]:
    """The colour of a kind of event, and the character that stands for it."""
    return _TONES.get(kind, _OTHER)


def _tell_event(event: SessionEvent) -> Happening:
    tone, sign = tone_of(event.kind)
    return Happening(
        at=event.created_at,
        text=str(event.get_kind_display()),
        tone=tone,
        sign=sign,
        address=event.ip_address or "",
        actor=str(event.actor) if event.actor else "",
        details=in_words(event),
    )


def _tell_limit(session: DeviceSession) -> Iterator[Happening]:
    """The end that nobody has to bring about, unless somebody brought one about before it."""
    match session.status:
        case SessionStatus.LIVE:
            text = gettext("Expires, unless it is ended before")
            yield Happening(at=session.expires_at, text=text, tone="ahead", sign="⋯")
        case SessionStatus.EXPIRED if session.expires_at <= timezone.now():
            yield Happening(at=session.expires_at, text=gettext("Expired"), tone="quiet", sign="■")
        case SessionStatus.EXPIRED:
            text = gettext("Expired, as it was left unused")
            ends = [
                family.closed_at or family.idle_expires_at for family in session.known_families
            ]
            at = max(ends, default=session.created_at)
            yield Happening(at=at, text=text, tone="quiet", sign="■")
        case _:
            pass
