"""Relative times in words, such as "3 minutes ago"."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy

_YEAR: Final = timedelta(days=365)


class _Unit(NamedTuple):
    """A unit of time with its phrases for the past and the future.

    The phrases are complete, because many languages inflect the unit after "ago" and "in".
    """

    length: timedelta
    past: str | Promise
    ahead: str | Promise


_UNITS: Final = (
    _Unit(
        _YEAR,
        ngettext_lazy("%(count)d year ago", "%(count)d years ago", "count"),
        ngettext_lazy("in %(count)d year", "in %(count)d years", "count"),
    ),
    _Unit(
        _YEAR / 12,
        ngettext_lazy("%(count)d month ago", "%(count)d months ago", "count"),
        ngettext_lazy("in %(count)d month", "in %(count)d months", "count"),
    ),
    _Unit(
        timedelta(weeks=1),
        ngettext_lazy("%(count)d week ago", "%(count)d weeks ago", "count"),
        ngettext_lazy("in %(count)d week", "in %(count)d weeks", "count"),
    ),
    _Unit(
        timedelta(days=1),
        ngettext_lazy("%(count)d day ago", "%(count)d days ago", "count"),
        ngettext_lazy("in %(count)d day", "in %(count)d days", "count"),
    ),
    _Unit(
        timedelta(hours=1),
        ngettext_lazy("%(count)d hour ago", "%(count)d hours ago", "count"),
        ngettext_lazy("in %(count)d hour", "in %(count)d hours", "count"),
    ),
    _Unit(
        timedelta(minutes=1),
        ngettext_lazy("%(count)d minute ago", "%(count)d minutes ago", "count"),
        ngettext_lazy("in %(count)d minute", "in %(count)d minutes", "count"),
    ),
)


def naturaltime(instant: datetime, *, now: datetime) -> str:
    """The distance of an instant from ``now`` in words: "3 minutes ago", "in 2 days"."""
    distance = abs(now - instant)
    for unit in _UNITS:
        if count := distance // unit.length:
            phrase = unit.ahead if instant > now else unit.past
            return str(phrase % {"count": count})
    return gettext("just now")
