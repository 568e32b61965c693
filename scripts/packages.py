"""Find programs, and install the Debian packages of missing ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence


class ScriptError(Exception):
    """An error with a message for the user of the script."""


def find(program: str) -> str | None:
    """Search PATH, then the files of Debian packages: PostgreSQL's servers are not on PATH."""
    if (path := shutil.which(program)) or not shutil.which("dpkg-query"):
        return path
    query = ["dpkg-query", "--search", f"*bin/{program}"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return max((line.partition(": ")[2] for line in answer.splitlines()), default=None)


def install_missing(packages: Mapping[str, Sequence[str]]) -> None:
    """Install the packages of the missing programs."""
    missing = [p for program, ps in packages.items() if find(program) is None for p in ps]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ScriptError(f"please install these packages: {' '.join(missing)}")
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    for command in (["update"], ["install", "--no-install-recommends", *missing]):
        subprocess.run(
            ["apt-get", *options, *command],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=True,
        )
