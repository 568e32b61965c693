"""Commands of the example project, each in a process with the project's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_RUN = 90.0
"""Seconds until a process is considered stuck; a demo takes a fifth of that."""


def environment(database: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a new user, with a separate database."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Python's development mode would only slow the processes down.
        if not name.startswith(("DJANGO_", "EXAMPLE_", "DATABASE_", "PYTHONDEVMODE"))
    }
    return {**inherited, "DATABASE_URL": f"sqlite:///{database}", **variables}


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    return python("manage.py", *arguments, env=env)


def python(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in the checkout."""
    return subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_RUN,
        check=False,
    )
