"""Work that needs an interpreter in which nothing has been imported and set up yet."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def run_afresh(program: str) -> str:
    """What a few lines print; they may set up Django."""
    return _run("-c", program, DJANGO_SETTINGS_MODULE="tests.settings")


def run_tests_afresh(*tests: str, settings: str) -> None:
    """Run files of tests in a project that has other apps, or another user model."""
    # Without their warnings: what is deprecated in them is for their makers to replace.
    options = ("-q", "-p", "no:cacheprovider", "-W", "default", f"--ds={settings}")
    # The report of the races is about the run from outside.
    _run(
        *("-m", "pytest", *options, *tests),
        PYTHONWARNINGS="default",
        REFRESH_SESSIONS_RACES_REPORT="",
    )


def _run(*arguments: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603  (our own code, by our own interpreter)
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
