"""The geometry of small bar charts: numbers to rectangles, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 0.25
"""The part of a bar's place that stays empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle that stands on the bottom of the chart; y grows downwards, as in SVG."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[int], *, width: float, height: float) -> list[Bar]:
    """One bar for each number, the largest as high as the chart.

    What is not zero can be seen, however small it is beside the others.
    """
    if not values:
        return []
    place = width / len(values)
    largest = max(*values, 1)
    return [
        _bar(turn * place, place * (1 - GAP), _height(value, largest, height), height)
        for turn, value in enumerate(values)
    ]


def _height(value: int, largest: int, height: float) -> float:
    return max(height * value / largest, 1.5) if value else 0.0


def _bar(x: float, width: float, height: float, chart_height: float) -> Bar:
    return Bar(
        x=round(x, 2),
        y=round(chart_height - height, 2),
        width=round(width, 2),
        height=round(height, 2),
    )
