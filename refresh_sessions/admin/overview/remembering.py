"""Keeping the numbers for a moment: a list that is looked at often need not count often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.core.cache import caches

from refresh_sessions.admin.overview.counting import Figures
from refresh_sessions.bursts import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.tenants import cache_prefix

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


def recall_or(count: Callable[[], Figures], *, key: str, lifetime: timedelta) -> Figures:
    """What the cache holds under ``key`` for this database and tenant, or what ``count`` returns.

    A cache that does not answer costs the counting, not the page.
    """
    cache = caches[get_settings().CACHE_ALIAS]
    key = f"{cache_prefix()}:{key}"
    try:
        known = cache.get(key)
    except Exception:
        burst_logger.exception("The cache does not answer; counting anew")
        return count()
    if isinstance(known, Figures):
        return known
    figures = count()
    try:
        cache.set(key, figures, timeout=lifetime.total_seconds())
    except Exception:
        burst_logger.exception("The cache took no numbers")
    return figures
