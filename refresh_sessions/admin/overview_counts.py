"""The counts of the overview by day, with a short-lived cache."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final, TypeVar

from django.core.cache import BaseCache, caches
from django.db.models import Count, QuerySet, Value

from refresh_sessions.admin.pagination import BOUND
from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.database import DatabaseNow
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from refresh_sessions.tenants import cache_prefix

_Counts = TypeVar("_Counts")

_LARGE_COUNT_LIFETIME: Final = timedelta(minutes=10)
"""Lifetime of counts that read very many rows and hardly change: the events of past days, and an
approximate number of live sessions. With ten million sessions they take seconds."""

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day: from ``start``, inclusive, to ``end``, exclusive."""

    date: date
    start: datetime
    end: datetime


def last_days(number: int, *, now: datetime, zone: tzinfo) -> list[Day]:
    """The last ``number`` days in a time zone up to the day of ``now``, the oldest first."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in range(number - 1, -1, -1)]
    return [
        Day(date=day, start=_midnight(day, zone), end=_midnight(day + timedelta(days=1), zone))
        for day in dates
    ]


def _midnight(day: date, zone: tzinfo) -> datetime:
    # Computed for each day: a change to daylight saving time makes a day longer or shorter.
    return datetime.combine(day, time.min, tzinfo=zone)


SIGN_INS: Final = (EventKind.SIGNED_IN,)

REVOCATIONS: Final = (EventKind.REVOKED, EventKind.LIMIT_REACHED, EventKind.REUSE_DETECTED)
"""Revocations other than a logout."""

ALARMS: Final = (EventKind.REUSE_DETECTED,)

MISUSES: Final = (EventKind.BOUND_TOKEN_MISUSED,)
"""Copied tokens that gained nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The counts in the overview; each tuple has one number for each of ``dates``."""

    live: int
    live_is_exact: bool
    """Whether idle sessions are excluded; with very many sessions that would be too slow."""
    dates: tuple[date, ...]
    sign_ins: tuple[int, ...]
    revocations: tuple[int, ...]
    alarms: tuple[int, ...]
    misuses: tuple[int, ...]


def count_figures(days: Sequence[Day], *, using: str) -> Figures:
    """Count live sessions, and events by day; with very many rows some counts are cached."""
    live, is_exact = _count_live(using=using)
    counts = _count_events_once(days, using=using)

    def by_day(kinds: Sequence[EventKind]) -> tuple[int, ...]:
        return tuple(sum(counts[kind, index] for kind in kinds) for index in range(len(days)))

    return Figures(
        live=live,
        live_is_exact=is_exact,
        dates=tuple(day.date for day in days),
        sign_ins=by_day(SIGN_INS),
        revocations=by_day(REVOCATIONS),
        alarms=by_day(ALARMS),
        misuses=by_day(MISUSES),
    )


def _count_live(*, using: str) -> tuple[int, bool]:
    """The number of live sessions, and whether it excludes idle ones.

    Excluding idle sessions would read all token families. The indexed count with them is an upper
    bound: it decides whether the exact count is affordable.
    """
    sessions = DeviceSession.objects.using(using)
    with_idle = sessions.filter(revoked_at__isnull=True, expires_at__gt=DatabaseNow())
    # Ordered, for the index of the order.
    if with_idle.order_by("expires_at").values("pk")[: BOUND + 1].count() <= BOUND:
        return sessions.active().count(), True
    key = f"refresh_sessions:live:{using}"
    return get_or_count(with_idle.count, int, key=key, lifetime=_LARGE_COUNT_LIFETIME), False


def _count_events_once(days: Sequence[Day], *, using: str) -> Counter[tuple[str, int]]:
    """The number of events by kind and index of the day; the past days are cached."""
    today = len(days) - 1
    first, last = (int(day.start.timestamp()) for day in (days[0], days[-1]))
    key = f"refresh_sessions:events:{using}:{first}:{last}"
    past = _read_cache(key, Counter)
    if past is None:
        counts = _count_events(days, using=using)
        past = Counter({place: number for place, number in counts.items() if place[1] < today})
        _write_cache(key, past, lifetime=_LARGE_COUNT_LIFETIME)
        return counts
    counts = _count_events(days[today:], using=using)
    return past + Counter({(kind, today): number for (kind, _), number in counts.items()})


def _count_events(days: Sequence[Day], *, using: str) -> Counter[tuple[str, int]]:
    """Number of events by kind and index of the day.

    One UNION of a query per day, with limits computed in Python: MySQL and MariaDB may lack the
    time zone tables that grouping by local day needs.
    """
    first, *others = (_events_of(day, index, using=using) for index, day in enumerate(days))
    rows = first.union(*others, all=True)
    return Counter({(row["kind"], row["day"]): row["number"] for row in rows})


def _events_of(day: Day, index: int, *, using: str) -> QuerySet[SessionEvent, Any]:
    events = SessionEvent.objects.using(using).order_by()
    kinds = {*SIGN_INS, *REVOCATIONS, *ALARMS, *MISUSES}
    of_day = events.filter(kind__in=kinds, created_at__gte=day.start, created_at__lt=day.end)
    return of_day.values("kind").annotate(day=Value(index), number=Count("*"))


def get_or_count(
    count: Callable[[], _Counts], kind: type[_Counts], *, key: str, lifetime: timedelta
) -> _Counts:
    """The cached counts of this tenant under ``key``, or the result of ``count``.

    If the cache fails, they are counted anew and the page still works.
    """
    counts = _read_cache(key, kind)
    if counts is None:
        counts = count()
        _write_cache(key, counts, lifetime=lifetime)
    return counts


def _read_cache(key: str, kind: type[_Counts]) -> _Counts | None:
    """The counts of this tenant; None if there are none, or if the cache fails."""
    try:
        known = _get_cache().get(_tenant_key(key))
    except Exception:
        burst_logger.exception("The cache does not answer; counting anew")
        return None
    return known if isinstance(known, kind) else None


def _write_cache(key: str, counts: object, *, lifetime: timedelta) -> None:
    try:
        _get_cache().set(_tenant_key(key), counts, timeout=lifetime.total_seconds())
    except Exception:
        burst_logger.exception("The cache took no numbers")


def _get_cache() -> BaseCache:
    return caches[get_settings().CACHE_ALIAS]


def _tenant_key(key: str) -> str:
    return f"{cache_prefix()}:{key}"
