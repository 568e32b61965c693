"""Running the example project: its settings are not those of the tests, so in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_RUN = 90.0
"""Seconds after which something hangs; a whole demo takes a fifth of it."""


def environment(database: Path, **variables: str) -> dict[str, str]:
    """What a new user has in the environment, and a database of its own."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        # The development mode of Python would slow these processes down, and tell nothing more.
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
