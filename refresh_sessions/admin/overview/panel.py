"""The overview above the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from refresh_sessions.admin.base import AnyModelAdmin
from refresh_sessions.admin.overview.cards import Card, cards_of, rows_of
from refresh_sessions.admin.overview.counting import Figures, count_figures
from refresh_sessions.admin.overview.days import last_days
from refresh_sessions.admin.overview.remembering import recall_or


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
            cards=cards_of(figures),
            rows=rows_of(figures),
            zone=timezone.get_current_timezone_name(),
        )

    def _figures(self, *, using: str) -> Figures:
        zone = timezone.get_current_timezone()
        days = last_days(self.overview_days, now=timezone.now(), zone=zone)
        # With the day's date, so that no number of yesterday is ever shown as today's.
        parts = (self.admin_site.name, using, zone, len(days), days[-1].date)
        return recall_or(
            lambda: count_figures(days, using=using),
            key="refresh_sessions:overview:" + ":".join(str(part) for part in parts),
            lifetime=self.overview_lifetime,
        )
