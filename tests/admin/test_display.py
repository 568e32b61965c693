from datetime import UTC, datetime, timedelta

from django.utils import timezone

from refresh_sessions.admin.display import full_time_tag, time_tag


def test_the_exact_instant_is_for_machines_and_for_those_who_point_at_it(clock):
    with timezone.override("Europe/Berlin"):
        element = time_tag(datetime(2026, 3, 7, 12, 0, 1, 5, tzinfo=UTC))
    assert (
        '<time dir="auto" datetime="2026-03-07T12:00:01+00:00" title="March 7, 2026, 1 p.m.">'
        in element
    )


def test_the_page_has_both_in_sight(clock):
    element = full_time_tag(clock.now - timedelta(hours=2))
    assert element.startswith('<time dir="auto" datetime=')
    assert "(2 hours ago)" in element


def test_no_instant_is_no_element():
    assert time_tag(None) == full_time_tag(None) == ""
