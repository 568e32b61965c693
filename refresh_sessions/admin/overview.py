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
"""The fraction of a bar's slot that stays empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle on the base line of the chart; y grows downwards, as in SVG."""

    x: float
    y: float
    width: float
    height: float


def draw_bars(values: Sequence[int], *, width: float, height: float) -> list[Bar]:
    """One bar for each number; the largest has the height of the chart.

    Every number above zero gets a visible bar.
    """
    if not values:
        return []
    slot = width / len(values)
    largest = max(*values, 1)
    return [
        _bar(index * slot, slot * (1 - GAP), _height(value, largest, height), height)
        for index, value in enumerate(values)
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

_ALARMING: Final = frozenset({"alarms", "misuses"})
"""Cards that are emphasized if their number is above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """One day of a chart."""

    bar: Bar
    slot: Bar
    """The full height of the chart, as the target of the tooltip."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its title and its description for screen readers."""

    title: str
    description: str
    first: str
    last: str
    """Labels below the first and the last bar."""
    days: list[DayBar]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number with its title and the query string of the matching list."""

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
        _live_card(figures),
        _daily_card("sign-ins", gettext("Sign-ins"), figures.sign_ins, figures, "period=month"),
        _daily_card(
            "revoked", gettext("Revocations"), figures.revocations, figures, "status=revoked"
        ),
        _daily_card("alarms", gettext("Reuse alarms"), figures.alarms, figures, "status=reuse"),
        _daily_card(
            "misuses",
            gettext("Copied tokens refused"),
            figures.misuses,
            figures,
            "status=misuse",
        ),
    ]


def build_rows(figures: Figures) -> list[tuple[date, int, int, int, int]]:
    """The numbers by day, the newest first."""
    columns = (
        figures.dates,
        figures.sign_ins,
        figures.revocations,
        figures.alarms,
        figures.misuses,
    )
    return list(zip(*columns, strict=True))[::-1]


def _live_card(figures: Figures) -> Card:
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


def _daily_card(
    name: str, title: str, values: Sequence[int], figures: Figures, query: str
) -> Card:
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
            description=_describe_chart(values, figures.dates),
            first=_format_day(figures.dates[0]),
            last=gettext("Today"),
            days=_draw_days(values, figures.dates),
        ),
        is_alarming=name in _ALARMING and total > 0,
    )


def _describe_chart(values: Sequence[int], dates: Sequence[date]) -> str:
    most = max(values)
    return gettext("%(total)s from %(first)s to %(last)s, at most %(most)s on %(day)s.") % {
        "total": format_number(sum(values)),
        "first": _format_day(dates[0]),
        "last": _format_day(dates[-1]),
        "most": format_number(most),
        "day": _format_day(dates[values.index(most)]),
    }


def _draw_days(values: Sequence[int], dates: Sequence[date]) -> list[DayBar]:
    drawn = draw_bars(values, width=WIDTH, height=HEIGHT)
    slots = draw_bars([1] * len(values), width=WIDTH, height=HEIGHT)
    return [
        DayBar(bar=bar, slot=slot, text=f"{_format_day(day)}: {format_number(value)}")
        for bar, slot, day, value in zip(drawn, slots, dates, values, strict=True)
    ]


def _format_day(day: date) -> str:
    return date_format(day, "MONTH_DAY_FORMAT")


def format_number(number: int) -> str:
    """The number in the format of the current language, with thousands separators."""
    return str(number_format(number, use_l10n=True, force_grouping=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Context of the overview template."""

    cards: list[Card]
    rows: list[tuple[date, int, int, int, int]]
    zone: str


class OverviewMixin(AnyModelAdmin):
    """Adds an overview with numbers and charts to the change list."""

    overview_days: ClassVar[int] = 30
    """Number of days in the charts; zero disables the overview."""
    overview_lifetime: ClassVar[timedelta] = timedelta(minutes=1)
    """Lifetime of the cached numbers."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        # Only a rendered change list has passed Django's permission check.
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context and not context["is_popup"] and self.overview_days:
            context["overview"] = self.get_overview(request)
        return response

    def get_overview(self, request: HttpRequest) -> Overview:
        """Build the overview from cached or new counts, in days of the current time zone."""
        figures = self._figures(using=self.get_queryset(request).db)
        return Overview(
            cards=build_cards(figures),
            rows=build_rows(figures),
            zone=timezone.get_current_timezone_name(),
        )

    def _figures(self, *, using: str) -> Figures:
        zone = timezone.get_current_timezone()
        days = last_days(self.overview_days, now=timezone.now(), zone=zone)
        # The date is part of the key, so that yesterday's numbers never appear as today's.
        parts = (self.admin_site.name, using, zone, len(days), days[-1].date)
        return get_or_count(
            lambda: count_figures(days, using=using),
            Figures,
            key="refresh_sessions:overview:" + ":".join(str(part) for part in parts),
            lifetime=self.overview_lifetime,
        )
