"""A short soak test; ``tests.faults.soak`` describes it and can run for longer.

REFRESH_SESSIONS_SOAK adds arguments, as in ``REFRESH_SESSIONS_SOAK="--seconds 600"``.
"""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PREMISE_BROKEN = 3
DATABASE = os.environ.get("REFRESH_SESSIONS_TEST_DATABASE", "sqlite")


def soak(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Warnings of the server must not become errors.
    env = {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}
    return subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-m", "tests.faults.soak", *arguments],
        cwd=CHECKOUT,
        env=env,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.uses_database  # In other processes.
@pytest.mark.skipif(not find_spec("gunicorn"), reason="gunicorn is not installed")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers through /proc")
def test_soak_with_random_kills_has_no_violations():
    more = shlex.split(os.environ.get("REFRESH_SESSIONS_SOAK", ""))
    run = soak("--database", DATABASE, "--seconds", "3", "--clients", "6", "--kills", "5", *more)
    if run.returncode == PREMISE_BROKEN:
        pytest.skip(f"a request took more than half the overlap on this machine:\n{run.stdout}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "violations: 0" in run.stdout
    assert "whole servers killed" in run.stdout


def test_soak_restarts_without_postgres_is_usage_error():
    assert soak("--restarts", "1").returncode == 2
