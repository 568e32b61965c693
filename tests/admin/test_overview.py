from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.utils import timezone
from django.utils.formats import date_format

from refresh_sessions.admin import DeviceSessionAdmin
from refresh_sessions.admin.overview import counting
from refresh_sessions.admin.overview.cards import HEIGHT, WIDTH
from refresh_sessions.admin.overview.charts import bars
from refresh_sessions.admin.overview.days import last_days
from refresh_sessions.models import EventKind, SessionEvent
from tests.factories import UserFactory


class BrokenCache(LocMemCache):
    """A cache that is out."""

    def get(self, *args, **kwargs):
        raise OSError("no route to the cache")

    set = get


@pytest.fixture
def record(make_session):
    """Note events of a session whose own sign-in is not among them."""
    session = make_session()
    SessionEvent.objects.all().delete()

    def note(kind, *instants):
        SessionEvent.objects.bulk_create(
            SessionEvent(session=session, kind=kind, created_at=at) for at in instants
        )

    return note


@pytest.fixture
def overview(pages):
    """The overview of the list, counted anew."""

    def read():
        caches["default"].clear()
        return pages.list().context["overview"]

    return read


def numbers(overview) -> dict[str, str]:
    return {card.name: card.number for card in overview.cards}


def test_an_empty_database_has_an_overview_of_nothing(overview):
    shown = overview()
    assert set(numbers(shown).values()) == {"0"}
    assert len(shown.rows) == 30
    assert not any(card.is_alarming for card in shown.cards)


def test_live_sessions_are_counted(overview, make_session):
    for status in ("live", "live", "expired", "revoked"):
        make_session(status=status)
    assert numbers(overview())["live"] == "2"


def test_very_many_live_sessions_are_told_as_about(overview, make_session, monkeypatch):
    monkeypatch.setattr(counting, "BOUND", 2)
    for status in ("live", "live", "live", "expired", "revoked"):
        make_session(status=status)
    # The one that is only idle is counted in, as the note says.
    assert numbers(overview())["live"] == "≈ 4"
    assert "unused ones included" in overview().cards[0].note


def test_events_are_counted_by_what_they_mean(overview, record):
    now = timezone.now()
    for kind in EventKind:
        record(kind, now)
    record(EventKind.SIGNED_IN, now)
    shown = overview()
    assert numbers(shown) == {"live": "1", "sign-ins": "2", "revoked": "3", "alarms": "1"}
    assert shown.rows[0][1:] == (2, 3, 1)
    assert [card.name for card in shown.cards if card.is_alarming] == ["alarms"]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/St_Johns"])
def test_a_day_begins_and_ends_at_midnight_of_the_current_time_zone(
    overview, record, settings, zone
):
    settings.TIME_ZONE = zone
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    moment = timedelta(microseconds=1)
    first = datetime.combine(
        midnight.date() - timedelta(days=29), datetime.min.time(), tzinfo=ZoneInfo(zone)
    )
    record(EventKind.SIGNED_IN, midnight, midnight - moment, first, first - moment)
    shown = overview()
    assert shown.zone == zone
    assert [row[1] for row in shown.rows[:3]] == [1, 1, 0]
    assert (shown.rows[-1][0], shown.rows[-1][1]) == (first.date(), 1)
    assert numbers(shown)["sign-ins"] == "3"


def test_days_with_a_change_of_clocks_are_shorter_and_longer():
    zone = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    lengths = {
        day.date: day.end.astimezone(UTC) - day.start.astimezone(UTC)
        for day in last_days(250, now=now, zone=zone)
    }
    odd = {day: length for day, length in lengths.items() if length != timedelta(days=1)}
    assert odd == {
        date(2026, 3, 29): timedelta(hours=23),
        date(2026, 10, 25): timedelta(hours=25),
    }


def test_the_last_day_is_that_of_the_time_zone():
    now = datetime(2026, 1, 1, 3, tzinfo=UTC)
    (today,) = last_days(1, now=now, zone=ZoneInfo("America/New_York"))
    assert today.date == date(2025, 12, 31)


def test_numbers_are_kept_for_a_moment(pages, record, clock, django_assert_num_queries):
    assert numbers(pages.list().context["overview"])["sign-ins"] == "0"
    record(EventKind.SIGNED_IN, clock.now)
    # The list alone.
    with django_assert_num_queries(6):
        assert numbers(pages.list().context["overview"])["sign-ins"] == "0"
    clock.move(DeviceSessionAdmin.overview_lifetime + timedelta(seconds=1))
    assert numbers(pages.list().context["overview"])["sign-ins"] == "1"


def test_numbers_of_one_time_zone_are_not_those_of_another(pages, record, settings):
    pages.list()
    record(EventKind.SIGNED_IN, timezone.now())
    settings.TIME_ZONE = "Asia/Tokyo"
    shown = pages.list().context["overview"]
    assert (shown.zone, numbers(shown)["sign-ins"]) == ("Asia/Tokyo", "1")


def test_numbers_of_yesterday_are_not_shown_today(pages, record, clock, monkeypatch):
    monkeypatch.setattr(DeviceSessionAdmin, "overview_lifetime", timedelta(days=2))
    record(EventKind.SIGNED_IN, clock.now)
    assert pages.list().context["overview"].rows[0][1] == 1
    clock.move(timedelta(days=1))
    assert pages.list().context["overview"].rows[0][1] == 0


def test_a_cache_that_is_out_costs_the_counting_and_not_the_page(
    pages, make_session, settings, options, caplog
):
    settings.CACHES = {
        **settings.CACHES,
        "broken": {"BACKEND": f"{__name__}.BrokenCache"},
    }
    options(CACHE_ALIAS="broken")
    make_session()
    response = pages.list()
    assert numbers(response.context["overview"])["live"] == "1"
    assert "The cache does not answer; counting anew" in caplog.text


def test_a_project_can_do_without(pages, make_session, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(DeviceSessionAdmin, "overview_days", 0)
    make_session()
    pages.list()
    with django_assert_num_queries(6):
        assert "refresh-sessions-overview" not in pages.list().text


def test_who_may_not_see_the_list_sees_no_numbers(pages_of, make_session, db):
    make_session()
    response = pages_of(UserFactory.create(is_staff=True)).list()
    assert response.status_code == 403
    assert "refresh-sessions-overview" not in response.text


def test_a_question_about_sessions_has_no_overview(pages, make_session):
    question = pages.act("revoke_selected", [make_session()])
    assert "refresh-sessions-overview" not in question.text


class TestPicture:
    @pytest.fixture
    def charts(self, pages, record):
        record(EventKind.SIGNED_IN, *[timezone.now() - timedelta(days=1)] * 3)
        page = pages.list().text
        parts = page.split('<svg class="refresh-sessions-chart"')[1:]
        return [
            ET.fromstring('<svg class="chart"' + part.partition("</svg>")[0] + "</svg>")  # noqa: S314
            for part in parts
        ]

    def test_each_chart_says_what_it_shows(self, charts):
        titles = [chart.findtext("title") for chart in charts]
        assert titles == ["Sign-ins by day", "Revocations by day", "Reuse alarms by day"]
        for chart, name in zip(charts, ("sign-ins", "revoked", "alarms"), strict=True):
            assert chart.get("role") == "img"
            ids = [element.get("id") for element in chart if element.tag in {"title", "desc"}]
            assert ids == chart.get("aria-labelledby").split()
            assert all(name in one for one in ids)
        assert charts[0].findtext("desc").startswith("3 from ")
        assert "at most 3 on" in charts[0].findtext("desc")

    def test_each_day_has_its_bar_and_its_text(self, charts):
        days = charts[0].findall("g")
        assert len(days) == 30
        heights = [float(day.findall("rect")[1].get("height")) for day in days]
        assert heights == [0.0] * 28 + [float(HEIGHT), 0.0]
        assert days[-2].findtext("title").endswith(": 3")

    def test_numbers_stand_in_a_table_too(self, pages, charts):
        table = pages.list().text.partition("refresh-sessions-figures")[2].partition("</table>")[0]
        assert table.count("<tr>") == 31
        assert "<td>3</td>" in table

    def test_the_first_day_and_the_last_are_named_below(self, pages, record):
        page = pages.list().text
        first = date_format(timezone.now() - timedelta(days=29), "MONTH_DAY_FORMAT")
        axis = f'aria-hidden="true"><span>{first}</span><span>Today</span></span>'
        assert page.count(axis) == 3

    def test_large_numbers_have_separators_in_the_table_as_well(self, pages, record):
        record(EventKind.SIGNED_IN, *[timezone.now()] * 1234)
        assert "<td>1,234</td>" in pages.list().text


@pytest.mark.parametrize("language", ["de", "fr", "ar"])
def test_geometry_speaks_no_language(pages, record, settings, language):
    """A comma in a number would be no number of SVG."""
    settings.LANGUAGE_CODE = language
    record(EventKind.SIGNED_IN, *[timezone.now() - timedelta(days=1)] * 3, timezone.now())
    response = pages.client.get("/admin/refresh_sessions/devicesession/")
    drawing = response.text.partition('<svg class="refresh-sessions-chart"')[2]
    assert 'height="12.0"' in drawing


class TestGeometry:
    def test_bars_fill_the_chart_and_stand_on_its_bottom(self):
        drawn = bars([1, 2, 4], width=WIDTH, height=HEIGHT)
        assert [bar.height for bar in drawn] == [HEIGHT / 4, HEIGHT / 2, HEIGHT]
        assert all(bar.y + bar.height == HEIGHT for bar in drawn)
        assert [bar.x for bar in drawn] == [0, WIDTH / 3, 2 * WIDTH / 3]
        assert drawn[-1].x + drawn[-1].width < WIDTH

    def test_one_of_a_million_can_be_seen_and_none_cannot(self):
        one, none, _ = bars([1, 0, 1_000_000], width=WIDTH, height=HEIGHT)
        assert one.height > 1
        assert none.height == 0

    def test_nothing_at_all_is_flat(self):
        assert [bar.height for bar in bars([0, 0], width=WIDTH, height=HEIGHT)] == [0, 0]
        assert bars([], width=WIDTH, height=HEIGHT) == []
