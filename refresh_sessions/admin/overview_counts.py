"""The numbers of the overview: counted by day, and cached for a short while."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from django.core.cache import caches
from django.db.models import Count, QuerySet, Value

from refresh_sessions.admin.pagination import BOUND
from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from refresh_sessions.tenants import cache_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day: ``start`` belongs to it, ``end`` to the next."""

    date: date
    start: datetime
    end: datetime


def last_days(number: int, *, now: datetime, zone: tzinfo) -> list[Day]:
    """The last days of a time zone up to that of ``now``, the oldest first."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in range(number - 1, -1, -1)]
    return [
        Day(date=day, start=_midnight(day, zone), end=_midnight(day + timedelta(days=1), zone))
        for day in dates
    ]


def _midnight(day: date, zone: tzinfo) -> datetime:
    # Each by itself, as days with a change of clocks are an hour shorter or longer.
    return datetime.combine(day, time.min, tzinfo=zone)


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


burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


def get_or_count(count: Callable[[], Figures], *, key: str, lifetime: timedelta) -> Figures:
    """What the cache holds under ``key`` for this database and tenant, or what ``count`` returns.

    A cache that does not answer costs the counting, not the page.
    """
    cache = caches[get_settings().CACHE_ALIAS]
    key = f"{cache_prefix()}:{key}"
    try:
        known = cache.get(key)
    except Exception:
        burst_logger.exception("The cache does not answer; counting anew")
        return count()
    if isinstance(known, Figures):
        return known
    figures = count()
    try:
        cache.set(key, figures, timeout=lifetime.total_seconds())
    except Exception:
        burst_logger.exception("The cache took no numbers")
    return figures
