"""The overview in words and pictures: one card for each thing that staff keep an eye on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext

from refresh_sessions.admin.overview.charts import Bar, bars
from refresh_sessions.admin.overview.counting import Figures

WIDTH: Final = 240
HEIGHT: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """One day of a chart."""

    bar: Bar
    place: Bar
    """All the height of the chart, for a pointer to find."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its description for those who do not see it."""

    title: str
    description: str
    first: str
    last: str
    """What stands below the first bar and the last."""
    days: list[DayBar]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number, what it counts, and where the sessions behind it are listed."""

    name: str
    title: str
    number: str
    note: str
    query: str
    chart: Chart | None = None
    is_alarming: bool = False


def cards_of(figures: Figures) -> list[Card]:
    """The cards from left to right."""
    return [
        _live(figures),
        _by_day("sign-ins", gettext("Sign-ins"), figures.sign_ins, figures, "period=month"),
        _by_day("revoked", gettext("Revocations"), figures.revocations, figures, "status=revoked"),
        _by_day("alarms", gettext("Reuse alarms"), figures.alarms, figures, "status=reuse"),
    ]


def rows_of(figures: Figures) -> list[tuple[date, int, int, int]]:
    """The numbers by day, the newest first."""
    columns = (figures.dates, figures.sign_ins, figures.revocations, figures.alarms)
    return list(zip(*columns, strict=True))[::-1]


def _live(figures: Figures) -> Card:
    number = in_digits(figures.live)
    exact = gettext("devices signed in now")
    about = gettext("devices signed in now, unused ones included")
    return Card(
        name="live",
        title=gettext("Live sessions"),
        number=number if figures.live_is_exact else f"≈ {number}",
        note=exact if figures.live_is_exact else about,
        query="status=live",
    )


def _by_day(name: str, title: str, values: Sequence[int], figures: Figures, query: str) -> Card:
    total, today = sum(values), values[-1]
    note = ngettext(
        "in %(days)d day, %(today)s today", "in %(days)d days, %(today)s today", len(values)
    )
    return Card(
        name=name,
        title=title,
        number=in_digits(total),
        note=note % {"days": len(values), "today": in_digits(today)},
        query=query,
        chart=Chart(
            title=gettext("%(what)s by day") % {"what": title},
            description=_describe(values, figures.dates),
            first=_day(figures.dates[0]),
            last=gettext("Today"),
            days=_draw(values, figures.dates),
        ),
        is_alarming=name == "alarms" and total > 0,
    )


def _describe(values: Sequence[int], dates: Sequence[date]) -> str:
    most = max(values)
    return gettext("%(total)s from %(first)s to %(last)s, at most %(most)s on %(day)s.") % {
        "total": in_digits(sum(values)),
        "first": _day(dates[0]),
        "last": _day(dates[-1]),
        "most": in_digits(most),
        "day": _day(dates[values.index(most)]),
    }


def _draw(values: Sequence[int], dates: Sequence[date]) -> list[DayBar]:
    drawn = bars(values, width=WIDTH, height=HEIGHT)
    places = bars([1] * len(values), width=WIDTH, height=HEIGHT)
    return [
        DayBar(bar=bar, place=place, text=f"{_day(day)}: {in_digits(value)}")
        for bar, place, day, value in zip(drawn, places, dates, values, strict=True)
    ]


def _day(day: date) -> str:
    return date_format(day, "MONTH_DAY_FORMAT")


def in_digits(number: int) -> str:
    """A number as people write it, with separators."""
    return str(number_format(number, use_l10n=True, force_grouping=True))
