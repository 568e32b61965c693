"""Burst log: limit log lines for failures that recur with every request."""

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
    """Logs the first failure of a burst with its traceback, and then one line per minute.

    Each process has its own count. A change of ``CACHES`` resets it, as the servers differ.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._caches: object = None

    def exception(self, message: str) -> None:
        """Log ``message`` and the handled exception as ERROR, once per ``REPEAT_AFTER``."""
        self._log(logging.ERROR, message, sys.exception())

    def warning(self, message: str, *args: object) -> None:
        """Log ``message`` as WARNING, once per ``REPEAT_AFTER`` whatever the ``args``."""
        self._log(logging.WARNING, message, None, *args)

    def _log(self, level: int, message: str, error: BaseException | None, *args: object) -> None:
        with self._lock:
            suppressed = self._count(message)
        if suppressed is not None:
            if suppressed:
                message = f"{message} ({suppressed} more since the last line)"
            self._logger.log(level, message, *args, exc_info=error)

    def _count(self, message: str) -> int | None:
        """The number of lines suppressed before this one, or None to suppress this one too."""
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
