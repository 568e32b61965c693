"""Run the races at full size, on every database and isolation level.

    python -m tests.races.matrix [arguments of pytest]

Missing databases are reported and left out; with REFRESH_SESSIONS_REQUIRE_SERVERS=1 they fail the
run. The output ends with a table of all answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import SERVERS
from tests.races.statuses import STATUSES

AT_A_TIME = 2
"""While one run waits for its server, the other computes; more runs would only wait."""

LONGEST_RUN = 900.0

COLUMNS = ("presenters", "rounds", *STATUSES, "live", "retries")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A database with an isolation level."""

    database: str
    isolation: str

    def environment(self, report: Path) -> dict[str, str]:
        return {
            **os.environ,
            "REFRESH_SESSIONS_RACES": "full",
            "REFRESH_SESSIONS_RACES_REPORT": str(report),
            "REFRESH_SESSIONS_TEST_DATABASE": self.database,
            "REFRESH_SESSIONS_TEST_ISOLATION": "" if self.database == "sqlite" else self.isolation,
        }


@dataclass(frozen=True, slots=True)
class Result:
    configuration: Configuration
    status: int
    seconds: float
    statistics: list[dict[str, Any]]


def configurations() -> list[Configuration]:
    found = [
        Configuration(database, isolation)
        for database, server in SERVERS.items()
        if not server.missing()
        for isolation in server.isolation_levels
    ]
    # The slowest first, so that it does not run alone at the end.
    return [*found, Configuration("sqlite", "wal")]


def run(configuration: Configuration, arguments: list[str]) -> Result:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report"
        report.touch()
        command = ["pytest", "tests/races", "--ignore=tests/races/test_growth.py", "-q"]
        finished = subprocess.run(  # noqa: S603  (pytest, with the caller's arguments)
            [sys.executable, "-m", *command, "-p", "no:cacheprovider", *arguments],
            env=configuration.environment(report),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_RUN,
            check=False,
        )
        statistics = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    seconds = time.monotonic() - started
    # In one piece, because several runs write.
    name = f"{configuration.database}, {configuration.isolation}"
    say(f"\n== {name}: {seconds:.0f} s\n{finished.stdout}")
    return Result(configuration, finished.returncode, seconds, statistics)


def table(results: list[Result]) -> str:
    head = ["database", "isolation", "race", *COLUMNS]
    lines = [
        [
            result.configuration.database,
            result.configuration.isolation,
            statistics["name"],
            *cells(statistics),
        ]
        for result in results
        for statistics in result.statistics
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, rule, *lines]
    )


def cells(statistics: dict[str, Any]) -> list[str]:
    counts = [str(statistics["statuses"].get(status, "-")) for status in STATUSES]
    live = " or ".join(map(str, statistics["live"]))
    return [
        str(statistics["presenters"]),
        str(statistics["rounds"]),
        *counts,
        live,
        str(statistics["retries"]),
    ]


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    missing = [f"{s.name}: left out, {s.missing()}" for s in SERVERS.values() if s.missing()]
    for reason in missing:
        say(reason)
    if missing and os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
        return 1
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        results = list(
            pool.map(lambda configuration: run(configuration, arguments), configurations())
        )
    say(table(results))
    failed = [result.configuration for result in results if result.status]
    seconds = time.monotonic() - started
    say(f"\n{len(results)} configurations in {seconds:.0f} s, {len(failed)} failed")
    for configuration in failed:
        say(f"failed: {configuration.database}, {configuration.isolation}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
