"""Overview above the session list: counts, days, cache."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.admin import DeviceSessionAdmin, overview_counts
from refresh_sessions.admin.overview_counts import count_figures, last_days
from refresh_sessions.models import EventKind
from tests.factories import UserFactory


class BrokenCache(LocMemCache):
    """A cache backend that cannot be reached."""

    def get(self, *args, **kwargs):
        raise OSError("no route to the cache")

    set = get


@pytest.fixture
def overview(pages):
    """Return a function that reads the overview of the list with an empty cache."""

    def read():
        caches["default"].clear()
        return pages.list().context["overview"]

    return read


def numbers(overview) -> dict[str, str]:
    return {card.name: card.number for card in overview.cards}


def test_overview_empty_database_shows_zeros(overview):
    shown = overview()
    assert set(numbers(shown).values()) == {"0"}
    assert len(shown.rows) == 30
    assert not any(card.is_alarming for card in shown.cards)


def test_overview_counts_live_sessions(overview, make_session):
    for status in ("live", "live", "expired", "revoked"):
        make_session(status=status)
    assert numbers(overview())["live"] == "2"


def test_overview_above_bound_shows_approximate_count(overview, make_session, monkeypatch):
    monkeypatch.setattr(overview_counts, "BOUND", 2)
    for status in ("live", "live", "live", "expired", "revoked"):
        make_session(status=status)
    # An approximate count includes idle sessions, as the note says.
    assert numbers(overview())["live"] == "≈ 4"
    assert "including unused ones" in overview().cards[0].note


def test_overview_keeps_approximate_count_of_live_sessions(pages, make_session, monkeypatch):
    monkeypatch.setattr(overview_counts, "BOUND", 2)
    caches["default"].clear()
    for _ in range(3):
        make_session(status="live")
    days = last_days(2, now=timezone.now(), zone=UTC)
    assert count_figures(days, using="default").live == 3
    make_session(status="live")
    assert count_figures(days, using="default").live == 3
    # The present setting decides: an exact count is never an old one.
    monkeypatch.setattr(overview_counts, "BOUND", 4)
    assert count_figures(days, using="default").live == 4


def test_overview_counts_today_anew_beside_cached_days(db, record):
    caches["default"].clear()
    now = timezone.now()
    days = last_days(3, now=now, zone=UTC)
    for day in days:
        record(EventKind.SIGNED_IN, day.start)
    assert count_figures(days, using="default").sign_ins == (1, 1, 1)
    for day in days:
        record(EventKind.SIGNED_IN, day.start)
    assert count_figures(days, using="default").sign_ins == (1, 1, 2)
    with CaptureQueriesContext(connection) as queries:
        count_figures(days, using="default")
    (events,) = [query for query in queries if "sessionevent" in query["sql"]]
    assert "UNION" not in events["sql"]
    # Other days have their own counts.
    assert count_figures(days[1:], using="default").sign_ins == (2, 2)
    caches["default"].clear()
    assert count_figures(days, using="default").sign_ins == (2, 2, 2)


def test_overview_counts_events_by_category(overview, record):
    now = timezone.now()
    for kind in EventKind:
        record(kind, now)
    record(EventKind.SIGNED_IN, now)
    shown = overview()
    expected = {"live": "1", "sign-ins": "2", "revoked": "3", "alarms": "1", "misuses": "1"}
    assert numbers(shown) == expected
    assert shown.rows[0][1:] == (2, 3, 1, 1)
    assert [card.name for card in shown.cards if card.is_alarming] == ["alarms", "misuses"]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/St_Johns"])
def test_overview_day_starts_at_midnight_of_current_time_zone(overview, record, settings, zone):
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


def test_overview_day_of_clock_change_has_other_length():
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


def test_overview_last_day_is_today_in_time_zone():
    now = datetime(2026, 1, 1, 3, tzinfo=UTC)
    (today,) = last_days(1, now=now, zone=ZoneInfo("America/New_York"))
    assert today.date == date(2025, 12, 31)


def test_overview_within_lifetime_is_read_from_cache(
    pages, record, clock, django_assert_num_queries
):
    assert numbers(pages.list().context["overview"])["sign-ins"] == "0"
    record(EventKind.SIGNED_IN, clock.now)
    # The list alone.
    with django_assert_num_queries(6):
        assert numbers(pages.list().context["overview"])["sign-ins"] == "0"
    clock.move(DeviceSessionAdmin.overview_lifetime + timedelta(seconds=1))
    assert numbers(pages.list().context["overview"])["sign-ins"] == "1"


def test_overview_cache_separates_time_zones(pages, record, settings):
    pages.list()
    record(EventKind.SIGNED_IN, timezone.now())
    settings.TIME_ZONE = "Asia/Tokyo"
    shown = pages.list().context["overview"]
    assert (shown.zone, numbers(shown)["sign-ins"]) == ("Asia/Tokyo", "1")


def test_overview_cached_yesterday_is_counted_again(pages, record, clock, monkeypatch):
    monkeypatch.setattr(DeviceSessionAdmin, "overview_lifetime", timedelta(days=2))
    record(EventKind.SIGNED_IN, clock.now)
    assert pages.list().context["overview"].rows[0][1] == 1
    clock.move(timedelta(days=1))
    assert pages.list().context["overview"].rows[0][1] == 0


def test_overview_cache_down_is_counted_without_error(
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


def test_overview_disabled_is_absent(pages, make_session, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(DeviceSessionAdmin, "overview_days", 0)
    make_session()
    pages.list()
    with django_assert_num_queries(6):
        assert "refresh-sessions-overview" not in pages.list().text


def test_overview_without_view_permission_is_absent(pages_of, make_session, db):
    make_session()
    response = pages_of(UserFactory.create(is_staff=True)).list()
    assert response.status_code == 403
    assert "refresh-sessions-overview" not in response.text


def test_overview_on_confirmation_page_is_absent(pages, make_session):
    question = pages.act("revoke_selected", [make_session()])
    assert "refresh-sessions-overview" not in question.text
