"""The page of the documentation: tables between its markers, and the charts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.client_groups import OPERATIONS
from benchmarks.compare.output import report
from benchmarks.compare.output.charts import Bar, Chart
from benchmarks.compare.output.report import Results, main_database, title

PAGE: Final = "performance.md"
_IMAGES: Final = "images"

_BLOCKS: Final[Mapping[str, Callable[[Results], str]]] = {
    "about": report.about,
    "subjects": report.subjects,
    "position": report.position,
    "ratios": report.ratios,
    "cpu": report.cpu,
    "statements": report.statements,
    "behaviour": report.behaviour,
    "simultaneous": report.simultaneous,
    "growth": report.growth,
    "prune": report.prune,
    "throughput": report.throughput,
    "sqlite": report.ratios_on_sqlite,
}
"""The names of the markers."""


class MarkerError(Exception):
    """The page lacks the markers of a table."""


def write(results: Results, docs: Path) -> list[Path]:
    """Write page and charts; return the files. Tables that were not measured stay as they are."""
    page = docs / PAGE
    text = page.read_text(encoding="utf-8")
    for name, block in blocks(results):
        text = replace_block(text, name, block)
    page.write_text(text, encoding="utf-8")
    written = [page]
    for name, chart in charts(results):
        file = docs / _IMAGES / f"performance-{name}.svg"
        file.write_text(chart.svg(), encoding="utf-8")
        written.append(file)
    return written


def blocks(results: Results) -> Iterator[tuple[str, str]]:
    """The tables of what was measured."""
    subjects = main_database(results)["subjects"].values()
    for name, render in _BLOCKS.items():
        measured = {"ratios": "operations", "cpu": "operations", "position": "operations"}
        if name == "sqlite":
            present = "sqlite" in results["databases"]
        elif name in {"about", "subjects"}:
            present = True
        else:
            present = any(subject.get(measured.get(name, name)) for subject in subjects)
        if present:
            yield name, render(results)


def replace_block(text: str, name: str, block: str) -> str:
    """Put the block between its markers.

    Raises:
        MarkerError: the page lacks one of them.

    """
    begin, end = f"<!-- begin generated: {name} -->", f"<!-- end generated: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise MarkerError(f"{PAGE} lacks {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n\n{block}\n\n{end}", text)


def charts(results: Results) -> Iterator[tuple[str, Chart]]:
    """A chart per operation, and one of the write-ahead log."""
    for operation in OPERATIONS:
        chart = _operation_chart(results, operation)
        if chart.bars:
            yield operation, chart
    chart = _log_chart(results)
    if chart.bars:
        yield "wal", chart


def _log_chart(results: Results) -> Chart:
    measured = {
        name: growth["wal_bytes"]
        for name, growth in report.subjects_of(results, "growth").items()
        if growth.get("wal_bytes") is not None
    }
    return Chart(
        title="Write-ahead log of a refresh and a request",
        description=(
            "Bytes in the write-ahead log of PostgreSQL for one refresh and one request after it."
        ),
        axis="bytes",
        bars=[
            Bar(_label(name), [value], f"{value:,}", emphasised=_own(name))
            for name, value in measured.items()
        ],
    )


def _operation_chart(results: Results, operation: str) -> Chart:
    database = main_database(results)
    bars = []
    for name, result in database["subjects"].items():
        measured = result.get("operations", {}).get(operation)
        if measured and name != "baseline":
            bars.append(_ratio_bar(name, measured))
    has_database = any(len(bar.parts) > 1 for bar in bars)
    return Chart(
        title=f"CPU time of a {operation}",
        description=(
            f"CPU time of one {operation} with each package, as a multiple of the baseline: the "
            "least that views of Django REST framework can do. Lines show the quartiles."
        ),
        axis="CPU time as a multiple of the baseline (bar: median, line: quartiles)",
        bars=bars,
        legend=["Python", database["server"]["name"]] if has_database else (),
    )


def _ratio_bar(name: str, measured: dict[str, Any]) -> Bar:
    ratio, cost = measured["ratio"], measured["subject"]
    parts = [cost["python"]["median"]]
    if cost["database"]:
        parts.append(cost["database"]["median"])
    whole = sum(parts)
    return Bar(
        _label(name),
        [ratio["median"] * part / whole for part in parts],
        f"{ratio['median']:.1f}",
        ratio["low"],
        ratio["high"],
        emphasised=_own(name),
    )


def _own(name: str) -> bool:
    return name.startswith("ours")


def _label(name: str) -> str:
    return title(name).replace("`", "")
