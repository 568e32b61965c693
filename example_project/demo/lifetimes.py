"""Lifetimes of the demo: long enough for a slow machine, short enough to watch."""

from datetime import timedelta
from typing import Final

ACCESS_TOKEN: Final = timedelta(seconds=3)
ROTATION_OVERLAP: Final = timedelta(seconds=2)
REAUTHENTICATION: Final = timedelta(seconds=4)
SHARED_COMPUTER_SESSION: Final = timedelta(seconds=3)
