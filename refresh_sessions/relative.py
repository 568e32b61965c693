"""Instants as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils.timesince import timesince
from django.utils.translation import gettext

_MINUTE: Final = timedelta(minutes=1)


def in_relation(instant: datetime, *, now: datetime) -> str:
    """How far from ``now`` an instant is: "3 minutes ago", "in 2 days"."""
    if abs(now - instant) < _MINUTE:
        return gettext("just now")
    if instant > now:
        return gettext("in %(time)s") % {"time": timesince(now, instant, depth=1)}
    return gettext("%(time)s ago") % {"time": timesince(instant, now, depth=1)}
