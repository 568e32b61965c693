"""The numbers of the overview, in three queries at most, each through an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import Count, QuerySet, Value

from refresh_sessions.admin.overview.days import Day
from refresh_sessions.admin.paginating import BOUND
from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent

SIGN_INS: Final = (EventKind.SIGNED_IN,)
REVOCATIONS: Final = (EventKind.REVOKED, EventKind.LIMIT_REACHED, EventKind.REUSE_DETECTED)
"""Ends that nobody asked for by signing out."""
ALARMS: Final = (EventKind.REUSE_DETECTED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the overview shows; each tuple has one number for each of ``dates``."""

    live: int
    live_is_exact: bool
    """Whether idle sessions have been left out, as they are unless there are very many."""
    dates: tuple[date, ...]
    sign_ins: tuple[int, ...]
    revocations: tuple[int, ...]
    alarms: tuple[int, ...]


def count_figures(days: Sequence[Day], *, using: str) -> Figures:
    """Count live sessions, and events by day."""
    # Whoever is live has not ended, so the quick count says whether the careful one is bearable.
    not_ended = _count_not_ended(using=using)
    is_exact = not_ended <= BOUND
    counts = _count_events(days, using=using)

    def by_day(kinds: Sequence[EventKind]) -> tuple[int, ...]:
        return tuple(sum(counts[kind, turn] for kind in kinds) for turn in range(len(days)))

    return Figures(
        live=DeviceSession.objects.using(using).active().count() if is_exact else not_ended,
        live_is_exact=is_exact,
        dates=tuple(day.date for day in days),
        sign_ins=by_day(SIGN_INS),
        revocations=by_day(REVOCATIONS),
        alarms=by_day(ALARMS),
    )


def _count_not_ended(*, using: str) -> int:
    """Live sessions, and idle ones: of those the tokens would have to be looked at one by one."""
    sessions = DeviceSession.objects.using(using)
    return sessions.filter(revoked_at__isnull=True, expires_at__gt=DatabaseNow()).count()


def _count_events(days: Sequence[Day], *, using: str) -> Counter[tuple[str, int]]:
    """Events by kind and number of the day.

    One query per day, all of them joined to one: the ends of days are known here, while MySQL
    and MariaDB know time zones only where somebody has loaded them.
    """
    first, *others = (_events_of(day, turn, using=using) for turn, day in enumerate(days))
    rows = first.union(*others, all=True)
    return Counter({(row["kind"], row["day"]): row["number"] for row in rows})


def _events_of(day: Day, turn: int, *, using: str) -> QuerySet[SessionEvent, Any]:
    events = SessionEvent.objects.using(using).order_by()
    kinds = {*SIGN_INS, *REVOCATIONS, *ALARMS}
    of_day = events.filter(kind__in=kinds, created_at__gte=day.start, created_at__lt=day.end)
    return of_day.values("kind").annotate(day=Value(turn), number=Count("*"))
