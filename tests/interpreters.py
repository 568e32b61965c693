"""Run a few lines where nothing has been imported yet."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def run_afresh(program: str) -> str:
    """What a program prints in a new interpreter, in which it may set up Django."""
    done = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
