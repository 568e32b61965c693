"""Lifetimes of the demo: long enough for a slow machine, short enough to watch."""

from datetime import timedelta
from typing import Final

ACCESS_TOKEN: Final = timedelta(seconds=3)
ROTATION_OVERLAP: Final = timedelta(seconds=2)
REAUTHENTICATION: Final = timedelta(seconds=4)
SHARED_COMPUTER_SESSION: Final = timedelta(seconds=3)

# The page lets its visitor watch two refreshes in a minute.
PAGE_ACCESS_TOKEN: Final = timedelta(seconds=20)
PAGE_ROTATION_OVERLAP: Final = timedelta(seconds=5)
PAGE_CONFIRM_DELIVERY: Final = timedelta(seconds=5)
