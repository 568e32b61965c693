"""Relative times in English and in the shipped languages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from refresh_sessions.naturaltime import naturaltime
from tests.translations.catalogues import LANGUAGES

NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)
LENGTHS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
    "year": timedelta(days=365),
}


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=-3, seconds=-59), "3 minutes ago"),
        (timedelta(minutes=-59, seconds=-59), "59 minutes ago"),
        (timedelta(hours=-25), "1 day ago"),
        (timedelta(days=-8), "1 week ago"),
        (timedelta(days=-30), "4 weeks ago"),
        (timedelta(days=-364), "11 months ago"),
        (timedelta(days=-365), "1 year ago"),
        (timedelta(minutes=3), "in 3 minutes"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(days=6, hours=23), "in 6 days"),
    ],
)
def test_naturaltime_is_relative_to_now(away, words):
    assert naturaltime(NOW + away, now=NOW) == words


@pytest.mark.parametrize("unit", LENGTHS)
def test_naturaltime_has_singular_or_plural_unit(unit):
    one, many = LENGTHS[unit], LENGTHS[unit] * 2
    assert naturaltime(NOW - one, now=NOW) == f"1 {unit} ago"
    assert naturaltime(NOW - many, now=NOW) == f"2 {unit}s ago"
    assert naturaltime(NOW + one, now=NOW) == f"in 1 {unit}"
    assert naturaltime(NOW + many, now=NOW) == f"in 2 {unit}s"


@pytest.mark.parametrize(
    ("language", "past", "ahead"),
    [
        # The dative, which a translated unit alone would not have.
        ("de", "vor 2 Tagen", "in 2 Tagen"),
        ("fr", "il y a 2 jours", "dans 2 jours"),
        ("es", "hace 2 días", "dentro de 2 días"),
        ("pt-br", "há 2 dias", "em 2 dias"),
        ("ja", "2 日前", "2 日後"),
        ("zh-hans", "2 天前", "2 天后"),
    ],
)
def test_naturaltime_is_translated(language, past, ahead):
    with translation.override(language):
        assert naturaltime(NOW - timedelta(days=2), now=NOW) == past
        assert naturaltime(NOW + timedelta(days=2), now=NOW) == ahead


@pytest.mark.parametrize("language", LANGUAGES)
def test_naturaltime_differs_for_each_unit(language):
    steps = [
        way * count * length for way in (1, -1) for count in (1, 2) for length in LENGTHS.values()
    ]
    with translation.override(translation.to_language(language)):
        told = {naturaltime(NOW + step, now=NOW) for step in steps}
    assert len(told) == len(steps)
