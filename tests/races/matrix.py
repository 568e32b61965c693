"""``python -m tests.races.matrix``: the races at full size, on every database and isolation level.

Databases that are not there are left out in plain words; with REFRESH_SESSIONS_REQUIRE_SERVERS=1
they fail the run. Ends with a table of what all presenters were told. Arguments go to pytest.
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
"""While one waits for its server, the other computes; more would make both wait."""

LONGEST_RUN = 900.0

COLUMNS = ("presenters", "rounds", *STATUSES, "live", "retries")


@dataclass(frozen=True, slots=True)
class Leg:
    """One database at one isolation level."""

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
    leg: Leg
    status: int
    seconds: float
    tallies: list[dict[str, Any]]


def legs() -> list[Leg]:
    found = [
        Leg(database, isolation)
        for database, server in SERVERS.items()
        if not server.missing()
        for isolation in server.isolation_levels
    ]
    # The slowest first, so that none of them is left alone at the end.
    return [*found, Leg("sqlite", "wal")]


def run(leg: Leg, arguments: list[str]) -> Result:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report"
        report.touch()
        command = ["pytest", "tests/races", "--ignore=tests/races/test_growth.py", "-q"]
        finished = subprocess.run(  # noqa: S603  (pytest, with what its caller adds)
            [sys.executable, "-m", *command, "-p", "no:cacheprovider", *arguments],
            env=leg.environment(report),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_RUN,
            check=False,
        )
        tallies = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    seconds = time.monotonic() - started
    # In one piece: several legs run at a time.
    say(f"\n== {leg.database}, {leg.isolation}: {seconds:.0f} s\n{finished.stdout}")
    return Result(leg, finished.returncode, seconds, tallies)


def table(results: list[Result]) -> str:
    head = ["database", "isolation", "race", *COLUMNS]
    lines = [
        [result.leg.database, result.leg.isolation, tally["name"], *cells(tally)]
        for result in results
        for tally in result.tallies
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, rule, *lines]
    )


def cells(tally: dict[str, Any]) -> list[str]:
    told = [str(tally["statuses"].get(status, "-")) for status in STATUSES]
    live = " or ".join(map(str, tally["live"]))
    return [str(tally["presenters"]), str(tally["rounds"]), *told, live, str(tally["retries"])]


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
        results = list(pool.map(lambda leg: run(leg, arguments), legs()))
    say(table(results))
    failed = [result.leg for result in results if result.status]
    say(f"\n{len(results)} legs in {time.monotonic() - started:.0f} s, {len(failed)} failed")
    for leg in failed:
        say(f"failed: {leg.database}, {leg.isolation}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
