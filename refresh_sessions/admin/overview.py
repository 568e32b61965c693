"""The overview above the list: cards and bar charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext

from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.admin.overview_counts import Figures, count_figures, get_or_count, last_days

GAP = 0.25
"""The part of a bar's place that stays empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle that stands on the bottom of the chart; y grows downwards, as in SVG."""

    x: float
    y: float
    width: float
    height: float


def draw_bars(values: Sequence[int], *, width: float, height: float) -> list[Bar]:
    """One bar for each number, the largest as high as the chart.

    What is not zero can be seen, however small it is beside the others.
    """
    if not values:
        return []
    place = width / len(values)
    largest = max(*values, 1)
    return [
        _bar(turn * place, place * (1 - GAP), _height(value, largest, height), height)
        for turn, value in enumerate(values)
    ]


def _height(value: int, largest: int, height: float) -> float:
    return max(height * value / largest, 1.5) if value else 0.0


def _bar(x: float, width: float, height: float, chart_height: float) -> Bar:
    return Bar(
        x=round(x, 2),
        y=round(chart_height - height, 2),
        width=round(width, 2),
        height=round(height, 2),
    )


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


def build_cards(figures: Figures) -> list[Card]:
    """The cards from left to right."""
    return [
        _live(figures),
        _by_day("sign-ins", gettext("Sign-ins"), figures.sign_ins, figures, "period=month"),
        _by_day("revoked", gettext("Revocations"), figures.revocations, figures, "status=revoked"),
        _by_day("alarms", gettext("Reuse alarms"), figures.alarms, figures, "status=reuse"),
    ]


def build_rows(figures: Figures) -> list[tuple[date, int, int, int]]:
    """The numbers by day, the newest first."""
    columns = (figures.dates, figures.sign_ins, figures.revocations, figures.alarms)
    return list(zip(*columns, strict=True))[::-1]


def _live(figures: Figures) -> Card:
    number = format_number(figures.live)
    exact = gettext("devices signed in now")
    about = gettext("devices signed in now, including unused ones")
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
        number=format_number(total),
        note=note % {"days": len(values), "today": format_number(today)},
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
        "total": format_number(sum(values)),
        "first": _day(dates[0]),
        "last": _day(dates[-1]),
        "most": format_number(most),
        "day": _day(dates[values.index(most)]),
    }


def _draw(values: Sequence[int], dates: Sequence[date]) -> list[DayBar]:
    drawn = draw_bars(values, width=WIDTH, height=HEIGHT)
    places = draw_bars([1] * len(values), width=WIDTH, height=HEIGHT)
    return [
        DayBar(bar=bar, place=place, text=f"{_day(day)}: {format_number(value)}")
        for bar, place, day, value in zip(drawn, places, dates, values, strict=True)
    ]


def _day(day: date) -> str:
    return date_format(day, "MONTH_DAY_FORMAT")


def format_number(number: int) -> str:
    """A number as people write it, with separators."""
    return str(number_format(number, use_l10n=True, force_grouping=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the template shows."""

    cards: list[Card]
    rows: list[tuple[date, int, int, int]]
    zone: str


class OverviewMixin(AnyModelAdmin):
    """Numbers and charts, for whoever may see the list."""

    overview_days: ClassVar[int] = 30
    """Days in the charts; zero leaves the overview out."""
    overview_lifetime: ClassVar[timedelta] = timedelta(minutes=1)
    """How old its numbers may be."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        # Only now it is certain that there is a list, and that the request's user may see it.
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context and not context["is_popup"] and self.overview_days:
            context["overview"] = self.get_overview(request)
        return response

    def get_overview(self, request: HttpRequest) -> Overview:
        """Count, or recall, for the days of the current time zone."""
        figures = self._figures(using=self.get_queryset(request).db)
        return Overview(
            cards=build_cards(figures),
            rows=build_rows(figures),
            zone=timezone.get_current_timezone_name(),
        )

    def _figures(self, *, using: str) -> Figures:
        zone = timezone.get_current_timezone()
        days = last_days(self.overview_days, now=timezone.now(), zone=zone)
        # With the day's date, so that no number of yesterday is ever shown as today's.
        parts = (self.admin_site.name, using, zone, len(days), days[-1].date)
        return get_or_count(
            lambda: count_figures(days, using=using),
            key="refresh_sessions:overview:" + ":".join(str(part) for part in parts),
            lifetime=self.overview_lifetime,
        )
