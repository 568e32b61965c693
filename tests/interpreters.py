"""Work in a fresh interpreter, without imports and setup."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def run_afresh(program: str) -> str:
    """Return the output of a program, which may set up Django."""
    return _run("-c", program, DJANGO_SETTINGS_MODULE="tests.settings")


def run_tests_afresh(*tests: str, settings: str) -> None:
    """Run test files in a project with other apps or another user model."""
    # Without warnings: deprecations in these packages are for their authors.
    options = ("-q", "-p", "no:cacheprovider", "-W", "default", f"--ds={settings}")
    # Only the outer run writes the report of the races.
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
