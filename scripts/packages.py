"""Find programs, and install the Debian packages that bring those that are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence


class ScriptError(Exception):
    """Something a person has to see to, in words for that person."""


def find(program: str) -> str | None:
    """Look on PATH, then among Debian's files: it keeps PostgreSQL's servers off PATH."""
    if (path := shutil.which(program)) or not shutil.which("dpkg-query"):
        return path
    query = ["dpkg-query", "--search", f"*bin/{program}"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return max((line.partition(": ")[2] for line in answer.splitlines()), default=None)


def install_missing(packages: Mapping[str, Sequence[str]]) -> None:
    """Install the packages of every program that is not there."""
    missing = [p for program, ps in packages.items() if find(program) is None for p in ps]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ScriptError(f"please install, or ask someone who may: {' '.join(missing)}")
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    for verb in (["update"], ["install", "--no-install-recommends", *missing]):
        subprocess.run(
            ["apt-get", *options, *verb],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=True,
        )
