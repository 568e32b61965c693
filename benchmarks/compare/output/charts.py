"""Bar charts as SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_STYLE: Final = """
    .background { fill: #ffffff; }
    text { fill: #0f172a; }
    .grid { stroke: #cbd5e1; }
    .axis, .range { stroke: #0f172a; }
    .range { stroke-width: 2; }
    .part0 { fill: #1d4ed8; }
    .part1 { fill: #b45309; }
    @media (prefers-color-scheme: dark) {
      .background { fill: #0d1117; }
      text { fill: #e6edf3; }
      .grid { stroke: #30363d; }
      .axis, .range { stroke: #e6edf3; }
      .part0 { fill: #60a5fa; }
      .part1 { fill: #fbbf24; }
    }
"""
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_WIDTH: Final = 880
_LEFT: Final = 250
_RIGHT: Final = 90
_TOP: Final = 76
_BOTTOM: Final = 60
_ROW: Final = 28
_BAR: Final = 16
_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one or two parts, with its range and the text beside it."""

    label: str
    parts: Sequence[float]
    text: str
    low: float | None = None
    high: float | None = None
    emphasised: bool = False

    @property
    def end(self) -> float:
        """The greatest value that the bar shows."""
        return max(sum(self.parts), self.high or 0)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of horizontal bars."""

    title: str
    description: str
    axis: str
    bars: Sequence[Bar]
    legend: Sequence[str] = ()

    def svg(self) -> str:
        """The chart as a document."""
        height = _TOP + _ROW * len(self.bars) + _BOTTOM
        step, end = _scale(max((bar.end for bar in self.bars), default=1))
        unit = (_WIDTH - _LEFT - _RIGHT) / end
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'aria-labelledby="title desc" font-family="{_FONT}" font-size="14">',
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="desc">{escape(self.description)}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="background" width="{_WIDTH}" height="{height}" rx="10"/>',
            f'<text x="20" y="32" font-size="18" font-weight="600">{escape(self.title)}</text>',
            *self._legend(),
            *self._grid(step, end, unit, height),
        ]
        for number, bar in enumerate(self.bars):
            lines += _draw(bar, _TOP + _ROW * number, unit)
        return "\n".join([*lines, "</svg>", ""])

    def _legend(self) -> Iterator[str]:
        x = _LEFT
        for number, name in enumerate(self.legend):
            yield f'<rect class="part{number}" x="{x}" y="45" width="14" height="14"/>'
            yield f'<text x="{x + 20}" y="57">{escape(name)}</text>'
            x += 40 + 8 * len(name)

    def _grid(self, step: float, end: float, unit: float, height: int) -> Iterator[str]:
        bottom = height - _BOTTOM + 4
        for number in range(round(end / step) + 1):
            value = number * step
            x = round(_LEFT + value * unit, 1)
            kind = "axis" if number == 0 else "grid"
            yield f'<line class="{kind}" x1="{x}" y1="{_TOP - 6}" x2="{x}" y2="{bottom}"/>'
            yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{value:,.6g}</text>'
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        yield (
            f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle">{escape(self.axis)}</text>'
        )


def _draw(bar: Bar, top: float, unit: float) -> Iterator[str]:
    baseline = top + _ROW / 2 + 5
    weight = ' font-weight="600"' if bar.emphasised else ""
    yield (
        f'<text x="{_LEFT - 10}" y="{baseline}" text-anchor="end"{weight}>'
        f"{escape(bar.label)}</text>"
    )
    x = float(_LEFT)
    for number, part in enumerate(bar.parts):
        width = part * unit
        yield (
            f'<rect class="part{number}" x="{x:.1f}" y="{top + (_ROW - _BAR) / 2}" '
            f'width="{width:.1f}" height="{_BAR}"/>'
        )
        x += width
    if bar.low is not None and bar.high is not None:
        y = top + _ROW / 2
        low, high = _LEFT + bar.low * unit, _LEFT + bar.high * unit
        yield f'<line class="range" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>'
    x = _LEFT + bar.end * unit + 8
    yield f'<text x="{x:.1f}" y="{baseline}"{weight}>{escape(bar.text)}</text>'


def _scale(greatest: float) -> tuple[float, float]:
    """The distance of two ticks, and the end of the axis."""
    greatest = greatest or 1
    rough = greatest / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return step, step * math.ceil(greatest / step)
