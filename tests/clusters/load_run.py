"""Run ``tests.clusters.load`` in a process of its own, and check its results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clusters.commands import CHECKOUT

LONGEST_RUN = 400
REPORT = "REFRESH_SESSIONS_CLUSTERS_REPORT"
"""Names a file to which each run appends its results, as a line of JSON."""

HONEST = {"200", "204", "503"}


def run_load(engine: str, *arguments: str) -> dict[str, Any]:
    """Return the results of a run; fail if it did not end."""
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-m", "tests.clusters.load", engine, *arguments],
        cwd=CHECKOUT,
        # Warnings of the servers must not become errors.
        env={key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_RUN,
        check=False,
    )
    assert done.stdout, done.stderr[-4000:]
    results: dict[str, Any] = json.loads(done.stdout)
    if report := os.environ.get(REPORT):
        with Path(report).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**results, "arguments": arguments}) + "\n")
    return results


def check_load(results: dict[str, Any]) -> None:
    """No violation, no unexpected status for honest clients, and the clients made progress."""
    assert results["violations"] == []
    for who in ("honest", "presenter"):
        assert statuses(results, who) <= HONEST
    # After their logout, visitors expect to be refused.
    assert statuses(results, "visitor") <= {*HONEST, "401"}
    assert results["thefts found"] == results["thefts"] > 0
    assert results["events"][results["fault"]] > 0
    assert results["refreshed"] > 10
    assert results["logouts"] > 10


def statuses(results: dict[str, Any], who: str) -> set[str]:
    """Return the statuses that a kind of client got."""
    found = (words.removeprefix(f"{who} ") for words in results["statuses"])
    return {status.split()[0] for status in found if status[0].isdigit()}
