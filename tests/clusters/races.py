"""Run ``tests/races`` on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

from tests.clusters.commands import CHECKOUT, exports

LONGEST_RUN = 600


def run_races(engine: str, database: str, *, deselect: Iterable[str] = ()) -> None:
    """Run all races but those that measure the growth of tables; fail with their output."""
    left_out = [f"--deselect=tests/races/{test}" for test in deselect]
    command = ["pytest", "tests/races", "--ignore=tests/races/test_growth.py", "-q"]
    done = subprocess.run(  # noqa: S603  (pytest)
        [sys.executable, "-m", *command, "-p", "no:cacheprovider", *left_out],
        cwd=CHECKOUT,
        env={**os.environ, **exports(engine), "REFRESH_SESSIONS_TEST_DATABASE": database},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_RUN,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
