"""Medians and quartiles of the rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def summarize(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles; of a single value three times this value."""
    if len(values) == 1:
        low = middle = high = values[0]
    else:
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}


def summarize_rounds(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """For each operation that the subject has: microseconds, and the ratio to the baseline.

    A ratio is that of one round: subject and baseline ran in the same process within milliseconds.
    """
    operations = [name for name, measured in rounds[0].items() if "subject" in measured]
    return {
        name: _summarize_operation([measured[name] for measured in rounds]) for name in operations
    }


def _summarize_operation(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for side in ("subject", "baseline"):
        python = [measured[side][0] for measured in rounds]
        database = [measured[side][1] for measured in rounds]
        summary[side] = {
            "python": summarize(python),
            "database": None if None in database else summarize(database),
        }
    ratios = [_total(measured["subject"]) / _total(measured["baseline"]) for measured in rounds]
    summary["ratio"] = summarize(ratios)
    return summary


def _total(cost: Sequence[float | None]) -> float:
    return sum(part or 0 for part in cost)
