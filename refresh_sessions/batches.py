"""Batches: limits of the batch size, and the age limit of pruning."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

BATCH_SIZE: Final = 500
"""Rows per transaction: a compromise between throughput and the time that rows stay locked."""

PRUNE_BATCH_SIZE: Final = 2000
"""Rows per transaction of a deletion. Requests do not wait for old rows."""

MAX_BATCH_SIZE: Final = 10_000
"""Databases limit the parameters of a statement, and each key is a parameter."""

_CENTURY: Final = timedelta(days=36_525)


def check_batch_size(batch_size: int) -> None:
    """Raise ``ValueError`` unless the batch size is between 1 and ``MAX_BATCH_SIZE``."""
    if not 1 <= batch_size <= MAX_BATCH_SIZE:
        raise ValueError(f"batch_size must be between 1 and {MAX_BATCH_SIZE}, not {batch_size}.")


def subtract_age(now: datetime, age: timedelta) -> datetime:
    """``now`` minus ``age``, at most a century."""
    # No row is older than a century, and datetime has a minimum.
    return now - min(age, _CENTURY)
