"""The command: measure, and print a table or write the page of the documentation."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.compare.coordinator import Comparison
from benchmarks.compare.databases import server_url
from benchmarks.compare.lanes import OPERATIONS
from benchmarks.compare.subjects import SUBJECTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen subjects."""
    options = _parser().parse_args(arguments)
    subjects = _installed(options.subjects)
    with Comparison(options.database, subjects, _progress(quiet=options.quiet)) as comparison:
        comparison.ask_each("statements")
        comparison.measure_cpu(
            rounds=options.rounds, warm_up=options.warm_up, clients=options.clients
        )
        results = comparison.results
    _print(json.dumps(results, indent=2) if options.json else _table(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    default = "postgresql" if server_url() else "sqlite"
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default=default)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=3, help="rounds before the measurement")
    parser.add_argument("--clients", type=int, default=20, help="calls of a kind in one round")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser


def _installed(names: Sequence[str]) -> list[str]:
    installed = []
    for name in names:
        reason = SUBJECTS[name]().missing()
        if reason is None:
            installed.append(name)
        else:
            sys.stderr.write(f"{name} is left out: {reason}.\n")
    return installed


def _progress(*, quiet: bool) -> Any:
    def report(text: str) -> None:
        if not quiet:
            sys.stderr.write(f"{text}\n")

    return report


def _table(results: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"{'subject':20} {'operation':8} {'SQL':>7} {'Python µs':>10} {'database µs':>12} "
        f"{'ratio to floor':>15} {'quartiles':>13}"
    ]
    for name, result in results.items():
        for operation in OPERATIONS:
            if operation not in result["operations"]:
                continue
            measured = result["operations"][operation]
            counted = result["statements"][operation]
            sql = f"{counted['statements']}+{counted['transaction']}"
            database = measured["subject"]["database"]
            in_database = "-" if database is None else f"{database['median']:.0f}"
            ratio = measured["ratio"]
            lines.append(
                f"{name:20} {operation:8} {sql:>7} {measured['subject']['python']['median']:10.0f} "
                f"{in_database:>12} {ratio['median']:15.2f} "
                f"{ratio['low']:6.2f}-{ratio['high']:.2f}"
            )
    return "\n".join(lines)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the output of the program)


if __name__ == "__main__":
    sys.exit(main())
