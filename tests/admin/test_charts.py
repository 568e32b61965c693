"""Charts of the overview, and their text for screen readers."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from refresh_sessions.admin.overview import HEIGHT, WIDTH, draw_bars
from refresh_sessions.models import EventKind


class TestChart:
    @pytest.fixture
    def charts(self, pages, record):
        record(EventKind.SIGNED_IN, *[timezone.now() - timedelta(days=1)] * 3)
        page = pages.list().text
        parts = page.split('<svg class="refresh-sessions-chart"')[1:]
        return [
            ET.fromstring('<svg class="chart"' + part.partition("</svg>")[0] + "</svg>")  # noqa: S314
            for part in parts
        ]

    def test_chart_has_title_with_description(self, charts):
        titles = [chart.findtext("title") for chart in charts]
        assert titles == [
            "Sign-ins by day",
            "Revocations by day",
            "Reuse alarms by day",
            "Copied tokens refused by day",
        ]
        names = ("sign-ins", "revoked", "alarms", "misuses")
        for chart, name in zip(charts, names, strict=True):
            assert chart.get("role") == "img"
            ids = [element.get("id") for element in chart if element.tag in {"title", "desc"}]
            assert ids == chart.get("aria-labelledby").split()
            assert all(name in one for one in ids)
        assert charts[0].findtext("desc").startswith("3 from ")
        assert "at most 3 on" in charts[0].findtext("desc")

    def test_chart_has_bar_with_text_per_day(self, charts):
        days = charts[0].findall("g")
        assert len(days) == 30
        heights = [float(day.findall("rect")[1].get("height")) for day in days]
        assert heights == [0.0] * 28 + [float(HEIGHT), 0.0]
        assert days[-2].findtext("title").endswith(": 3")

    def test_chart_has_table_of_numbers(self, pages, charts):
        table = pages.list().text.partition("refresh-sessions-figures")[2].partition("</table>")[0]
        assert table.count("<tr>") == 31
        assert "<td>3</td>" in table

    def test_chart_axis_names_first_day_with_today(self, pages, record):
        page = pages.list().text
        first = date_format(timezone.now() - timedelta(days=29), "MONTH_DAY_FORMAT")
        axis = f'aria-hidden="true"><span>{first}</span><span>Today</span></span>'
        assert page.count(axis) == 4

    def test_chart_table_large_number_has_thousands_separator(self, pages, record):
        record(EventKind.SIGNED_IN, *[timezone.now()] * 1234)
        assert "<td>1,234</td>" in pages.list().text


@pytest.mark.parametrize("language", ["de", "fr", "ar"])
def test_chart_geometry_other_language_has_decimal_point(pages, record, settings, language):
    """SVG does not accept a decimal comma."""
    settings.LANGUAGE_CODE = language
    record(EventKind.SIGNED_IN, *[timezone.now() - timedelta(days=1)] * 3, timezone.now())
    response = pages.client.get("/admin/refresh_sessions/devicesession/")
    drawing = response.text.partition('<svg class="refresh-sessions-chart"')[2]
    assert 'height="12.0"' in drawing


class TestGeometry:
    def test_bars_scale_to_height_of_chart(self):
        drawn = draw_bars([1, 2, 4], width=WIDTH, height=HEIGHT)
        assert [bar.height for bar in drawn] == [HEIGHT / 4, HEIGHT / 2, HEIGHT]
        assert all(bar.y + bar.height == HEIGHT for bar in drawn)
        assert [bar.x for bar in drawn] == [0, WIDTH / 3, 2 * WIDTH / 3]
        assert drawn[-1].x + drawn[-1].width < WIDTH

    def test_bar_smallest_number_is_visible_unless_zero(self):
        one, none, _ = draw_bars([1, 0, 1_000_000], width=WIDTH, height=HEIGHT)
        assert one.height > 1
        assert none.height == 0

    def test_bars_all_zero_have_no_height(self):
        assert [bar.height for bar in draw_bars([0, 0], width=WIDTH, height=HEIGHT)] == [0, 0]
        assert draw_bars([], width=WIDTH, height=HEIGHT) == []
