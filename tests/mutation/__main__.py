"""Put one fault after the other into a copy of the package, and see whether a test finds it.

    python -m tests.mutation [TEXT]

With TEXT only the mutants of modules whose name contains it. The exit status is 1 if a mutant
survives. It takes some minutes, so no environment of tox runs it; run it after a change of the
code that keeps tokens safe.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.mutants import MUTANTS, Mutant

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COPIED = (
    *("refresh_sessions", "tests", "docs", "scripts", "example_project"),
    *("pyproject.toml", "README.md"),
)


def find_survivors(mutants: list[Mutant]) -> list[Mutant]:
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = CHECKOUT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        for mutant in mutants:
            found = is_found(mutant, copy)
            print(f"{'killed  ' if found else 'SURVIVED'} {mutant}", flush=True)  # noqa: T201
            if not found:
                survivors.append(mutant)
    return survivors


def is_found(mutant: Mutant, copy: Path) -> bool:
    """Whether a test fails with the mutant in place."""
    module = copy / "refresh_sessions" / mutant.module
    original = module.read_text(encoding="utf-8")
    module.write_text(mutate(original, mutant), encoding="utf-8")
    try:
        done = run_tests(mutant.tests, copy)
    finally:
        module.write_text(original, encoding="utf-8")
    # A fixture of a test may fail as well; an error of a whole module ends the run.
    if done.returncode and not re.search(r"^(FAILED|ERROR) \S+::", done.stdout, re.MULTILINE):
        raise SystemExit(f"{mutant} ended the tests:\n{done.stdout[-2000:]}")
    return done.returncode != 0


def mutate(source: str, mutant: Mutant) -> str:
    """Put the fault into the source.

    Raises:
        SystemExit: the source does not have the line exactly once.

    """
    if source.count(mutant.line) != 1:
        raise SystemExit(f"{mutant.module} has {source.count(mutant.line)} times {mutant.line!r}")
    return source.replace(mutant.line, mutant.fault)


def run_tests(tests: tuple[str, ...], copy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "2", "-p", "no:cacheprovider"]
    return subprocess.run(  # noqa: S603  (our own command)
        [*command, *tests],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> int:
    text = sys.argv[1] if len(sys.argv) > 1 else ""
    mutants = [mutant for mutant in MUTANTS if text in mutant.module]
    survivors = find_survivors(mutants)
    print(f"{len(mutants)} mutants, {len(survivors)} survived")  # noqa: T201
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
