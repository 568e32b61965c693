from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from refresh_sessions.admin.times import full_moment, moment
from refresh_sessions.relative import in_relation

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=-3, seconds=-59), "3 minutes ago"),
        (timedelta(hours=-25), "1 day ago"),
        (timedelta(days=-8), "1 week ago"),
        (timedelta(minutes=3), "in 3 minutes"),
        (timedelta(days=6, hours=23), "in 6 days"),
    ],
)
def test_instants_are_told_in_relation_to_now(away, words):
    assert in_relation(NOW + away, now=NOW).replace("\xa0", " ") == words


def test_the_exact_instant_is_for_machines_and_for_those_who_point_at_it(clock):
    with timezone.override("Europe/Berlin"):
        element = moment(datetime(2026, 3, 7, 12, 0, 1, 5, tzinfo=UTC))
    assert '<time datetime="2026-03-07T12:00:01+00:00" title="March 7, 2026, 1 p.m.">' in element


def test_the_page_has_both_in_sight(clock):
    element = full_moment(clock.now - timedelta(hours=2)).replace("\xa0", " ")
    assert element.startswith("<time datetime=")
    assert "(2 hours ago)" in element


def test_no_instant_is_no_element():
    assert moment(None) == full_moment(None) == ""


def test_other_languages_have_their_own_words_for_durations():
    with translation.override("de"):
        assert "3\xa0Minuten" in in_relation(NOW - timedelta(minutes=3), now=NOW)
