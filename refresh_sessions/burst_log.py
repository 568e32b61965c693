"""Log lines for failures that recur with every request while a server is down."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Final

from django.conf import settings as django_settings

REPEAT_AFTER: Final = 60.0
"""Seconds between two lines with the same message."""


class BurstLog:
    """Logs the first failure of a burst with its traceback, and then one line a minute.

    Each process counts for itself. Another ``CACHES`` starts anew, as it names other servers.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._caches: object = None

    def exception(self, message: str) -> None:
        """Log ``message`` and the exception in hand as ERROR, unless it was logged just now."""
        self._log(logging.ERROR, message, sys.exception())

    def warning(self, message: str, *args: object) -> None:
        """Log ``message`` as WARNING, unless it was logged just now, with whatever ``args``."""
        self._log(logging.WARNING, message, None, *args)

    def _log(self, level: int, message: str, error: BaseException | None, *args: object) -> None:
        with self._lock:
            suppressed = self._count(message)
        if suppressed is not None:
            if suppressed:
                message = f"{message} ({suppressed} more since the last line)"
            self._logger.log(level, message, *args, exc_info=error)

    def _count(self, message: str) -> int | None:
        """How many lines were left out before this one, or None if this one is left out too."""
        if self._caches is not django_settings.CACHES:
            self._caches = django_settings.CACHES
            self._logged_at.clear()
            self._suppressed.clear()
        now = time.monotonic()
        last = self._logged_at.get(message)
        if last is not None and now - last < REPEAT_AFTER:
            self._suppressed[message] = self._suppressed.get(message, 0) + 1
            return None
        self._logged_at[message] = now
        return self._suppressed.pop(message, 0)
