"""The commands of ``scripts/clusters``."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_COMMAND = 300


def clusters(command: str, engine: str, *processes: str) -> str:
    """Run a command and return its output."""
    done = subprocess.run(  # noqa: S603  (our own script)
        [sys.executable, CHECKOUT / "scripts" / "clusters", command, engine, *processes],
        # Its warnings must not become errors.
        env={key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST_COMMAND,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def exports(engine: str) -> dict[str, str]:
    """Return the environment variables of a cluster that runs."""
    lines = clusters("env", engine).splitlines()
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


def describe(engine: str) -> dict[str, Any]:
    """Return ports, password and nodes of a cluster that runs."""
    known: dict[str, Any] = json.loads(exports(engine)["REFRESH_SESSIONS_CLUSTER"])
    return known
