from datetime import UTC, datetime, timedelta

from django.utils import timezone

from refresh_sessions.admin.display import full_time_tag, time_tag


def test_time_tag_has_exact_instant_in_attributes(clock):
    with timezone.override("Europe/Berlin"):
        element = time_tag(datetime(2026, 3, 7, 12, 0, 1, 5, tzinfo=UTC))
    assert (
        '<time dir="auto" datetime="2026-03-07T12:00:01+00:00" title="March 7, 2026, 1 p.m.">'
        in element
    )


def test_full_time_tag_shows_date_with_relative_time(clock):
    element = full_time_tag(clock.now - timedelta(hours=2))
    assert element.startswith('<time dir="auto" datetime=')
    assert "(2 hours ago)" in element


def test_time_tag_without_instant_is_empty():
    assert time_tag(None) == full_time_tag(None) == ""
