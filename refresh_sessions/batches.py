"""The size of a batch of rows, and the age from which rows are pruned."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

BATCH_SIZE: Final = 500
"""Sessions deleted in one transaction: enough to be quick, few enough to block nobody for long."""

MAX_BATCH_SIZE: Final = 10_000
"""Their keys are parameters of one statement, and databases limit how many it may have."""

_CENTURY: Final = timedelta(days=36_525)


def check_batch_size(batch_size: int) -> None:
    """Raise ``ValueError`` for what is no size of a batch."""
    if not 1 <= batch_size <= MAX_BATCH_SIZE:
        raise ValueError(f"batch_size must be between 1 and {MAX_BATCH_SIZE}, not {batch_size}.")


def subtract_age(now: datetime, age: timedelta) -> datetime:
    """The instant that is so long past."""
    # Nothing is older than a century, and calendars do end somewhere before the first year.
    return now - min(age, _CENTURY)
