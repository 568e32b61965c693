"""Calendar days of a time zone, and the instants between which they lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo


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
