"""Compare this package with other packages in one run: CPU time, SQL, storage and behaviour.

Without options the command measures CPU time and statements. Packages that are not installed are
left out; ``pip install --group peers`` installs all of them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.coordinator import Comparison
from benchmarks.compare.databases import DATABASE_URLS, server_url
from benchmarks.compare.machine import describe_machine
from benchmarks.compare.output import page
from benchmarks.compare.subjects import SUBJECTS

DOCS: Final = Path(__file__).parent.parent.parent / "docs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or read an earlier run; then print or write."""
    options = _parser().parse_args(arguments)
    if options.read:
        results = json.loads(options.read.read_text(encoding="utf-8"))
    else:
        results = measure(options, sys.argv[1:] if arguments is None else arguments)
    if options.json:
        text = json.dumps(results, indent=2)
        if str(options.json) == "-":
            _print(text)
        else:
            options.json.write_text(text + "\n", encoding="utf-8")
    if options.write:
        for file in page.write(results, options.docs):
            sys.stderr.write(f"wrote {file.name}\n")
    elif str(options.json) != "-":
        _print("\n\n".join(f"## {name}\n\n{block}" for name, block in page.blocks(results)))
    return 0


def measure(options: argparse.Namespace, arguments: Sequence[str]) -> dict[str, Any]:
    """Run everything that the options ask for, on each database."""
    subjects = choose_installed(options.subjects, _report(quiet=False))
    if not subjects:
        sys.exit("None of the subjects is installed.")
    report = _report(quiet=options.quiet)
    about = {
        **describe_machine(),
        "command": _command(arguments),
        "rounds": options.rounds,
        "clients": options.clients,
    }
    databases = {}
    for vendor in dict.fromkeys(options.database):
        with Comparison(vendor, subjects, report) as comparison:
            _measure_on(comparison, options, everything=vendor == options.database[0])
            databases[vendor] = {"server": comparison.server, "subjects": comparison.results}
    return {"about": about, "databases": databases}


def _measure_on(comparison: Comparison, options: argparse.Namespace, *, everything: bool) -> None:
    comparison.ask_each("statements")
    comparison.measure_cpu(rounds=options.rounds, warm_up=options.warm_up, clients=options.clients)
    if options.full and everything:
        comparison.ask_each("behaviour")
        if comparison.vendor == "postgresql":
            comparison.ask_each("simultaneous", clients=options.tabs, trials=options.trials)
        comparison.ask_each("growth", refreshes=options.refreshes)
        comparison.measure_prune(sessions=options.expired, refreshes=options.refreshed)
    if options.throughput and everything:
        comparison.measure_throughput(
            sessions=options.sessions, requests=options.requests, turns=options.turns
        )


def choose_installed(names: Sequence[str], report: Callable[[str], None]) -> list[str]:
    """The subjects that can run here; each other one is reported with the reason."""
    reasons = {name: SUBJECTS[name]().missing() for name in names}
    for name, reason in reasons.items():
        if reason is not None:
            report(f"{name} is left out: {reason}.")
    return [name for name in names if reasons[name] is None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.compare",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), metavar="NAME",
        help=f"some of: {', '.join(SUBJECTS)}")  # fmt: skip
    default = "postgresql" if server_url() else "sqlite"
    add("--database", nargs="+", choices=("postgresql", "sqlite"), default=[default],
        help=f"the server of PostgreSQL is that of {' or '.join(DATABASE_URLS)}")  # fmt: skip
    add("--rounds", type=int, default=30, help="measured rounds")
    add("--warm-up", type=int, default=3, help="rounds before the measurement")
    add("--clients", type=int, default=20, help="calls of a kind in one round")
    add(
        "--full",
        action="store_true",
        help="also measure behaviour, storage and pruning, on the first database",
    )
    add("--tabs", type=int, default=20, help="simultaneous refreshes of one token")
    add("--trials", type=int, default=5, help="trials of simultaneous refreshes")
    add("--refreshes", type=int, default=500, help="refreshes for the growth of the storage")
    add("--expired", type=int, default=10_000, help="expired sessions to prune")
    add("--refreshed", type=int, default=10, help="refreshes of each expired session")
    add(
        "--throughput",
        action="store_true",
        help="also measure requests per second with gunicorn, on the first database",
    )
    add("--sessions", type=int, default=100, help="sessions of a turn of the throughput")
    add("--requests", type=int, default=1000, help="requests of a turn of the throughput")
    add("--turns", type=int, default=5, help="turns of the throughput")
    add("--json", type=Path, metavar="FILE", help="write the results as JSON; '-' prints them")
    add("--read", type=Path, metavar="FILE", help="do not measure: read such a file")
    add("--write", action="store_true", help="write tables and charts of the documentation")
    add("--docs", type=Path, default=DOCS, help="where the documentation is")
    add("--quiet", action="store_true", help="print no progress")
    return parser


def _command(arguments: Sequence[str]) -> str:
    """The command line, without the places of files."""
    shown = iter(arguments)
    kept = []
    for argument in shown:
        if argument in {"--json", "--docs"}:
            next(shown, None)
        elif argument != "--quiet":
            kept.append(argument)
    return shlex.join(["python", "-m", "benchmarks.compare", *kept])


def _report(*, quiet: bool) -> Callable[[str], None]:
    def report(text: str) -> None:
        if not quiet:
            sys.stderr.write(f"{text}\n")

    return report


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the output of the program)


if __name__ == "__main__":
    sys.exit(main())
