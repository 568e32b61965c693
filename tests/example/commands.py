"""Commands of the example project, each in a process with the project's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_RUN = 90.0
"""Seconds until a process is considered stuck; a demo takes a fifth of that."""

LONGEST_SERVING = 600.0


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


def start(
    *arguments: str, env: dict[str, str], longest: float = LONGEST_RUN
) -> subprocess.Popen[str]:
    """Start a management command that the test stops, at most for some seconds."""
    process = subprocess.Popen(  # noqa: S603  (our own command)
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A background process of a shell without job control ignores SIGINT, and so would its
        # children.
        preexec_fn=_restore_interrupts,  # noqa: PLW1509  (no other threads hold locks)
    )
    # A stuck process must not block the tests.
    guard = Timer(longest, process.kill)
    guard.daemon = True
    guard.start()
    return process


def read_until(process: subprocess.Popen[str], beginning: str) -> str:
    """Read the output up to the line with this beginning."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if line.lstrip().startswith(beginning):
            break
    return "".join(lines)


def _restore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
