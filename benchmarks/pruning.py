"""Time of pruning, as ratios to a plain DELETE of the same rows.

    python -m benchmarks.pruning                        # SQLite in a file
    DATABASE_URL=postgres://… python -m benchmarks.pruning --sessions 200000 --kept 800000
    DATABASE_URL=mysql://… python -m benchmarks.pruning

Creates a database, and drops it at the end. Each round fills the tables for each subject again and
measures all subjects, so that a busy machine slows all of them equally.

- ``sessions``: sessions with their families and events. ``plain`` is three DELETE statements in
  one transaction; ``cascade`` is pruning while a receiver of ``pre_delete`` is connected, which
  needs each object.
- ``events``: the events of sessions that stay.
- ``attempts``: expired attempt counts.
- ``search``: the search for sessions that their accounts lock out, for each kept session.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.project import echo, project


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A function whose time is measured."""

    call: Callable[[], object]
    rows: int
    """The number of rows that it deletes or searches."""
    plain: str
    """The name of the plain DELETE of the same rows."""


def main() -> None:
    """Measure the subjects and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=20_000, help="expired sessions")
    parser.add_argument("--kept", type=int, default=0, help="live sessions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, action="append", default=[])
    options = parser.parse_args()
    with project("pruning") as database:
        echo(f"{options.sessions:,} expired sessions, {options.kept:,} live, in {database}")
        subjects = dict(_subjects(options))
        measured = _measure(subjects, options)
    for name, subject in subjects.items():
        cpu, wall = (1e6 * time / subject.rows for time in measured[name])
        ratio = measured[name][0] / subject.rows
        ratio /= measured[subject.plain][0] / subjects[subject.plain].rows
        echo(f"{name:16} CPU {cpu:7.1f} µs, wall {wall:7.1f} µs for each row   {ratio:5.2f}")


def _measure(
    subjects: dict[str, Subject], options: argparse.Namespace
) -> dict[str, tuple[float, float]]:
    """The medians of CPU time and of wall-clock time."""
    from benchmarks.cpu_time import measure
    from benchmarks.expired_rows import clear, fill, fill_attempts

    times: dict[str, list[tuple[float, float]]] = defaultdict(list)
    if options.kept:
        fill(options.kept, expired=False)
    for _ in range(options.rounds):
        for name, subject in subjects.items():
            clear()
            if name.startswith("attempts"):
                fill_attempts(options.sessions)
            else:
                fill(options.sessions, expired=True)
            times[name].append(measure(subject.call))
            _check(name, options)
    return {
        name: (
            statistics.median(cpu for cpu, _ in measured),
            statistics.median(wall for _, wall in measured),
        )
        for name, measured in times.items()
    }


def _subjects(options: argparse.Namespace) -> Iterator[tuple[str, Subject]]:
    from datetime import timedelta

    from benchmarks import expired_rows
    from refresh_sessions.events import prune_events
    from refresh_sessions.sessions import prune_short_lived
    from refresh_sessions.sessions.locked_out import revoke_all_locked_out

    rows, plain = options.sessions, "sessions plain"
    yield plain, Subject(call=expired_rows.delete_plainly, rows=rows, plain=plain)
    yield "sessions", Subject(call=expired_rows.delete_in_batches, rows=rows, plain=plain)
    for size in options.batch_size:
        call = expired_rows.in_batches_of(size)
        yield f"sessions {size}", Subject(call=call, rows=rows, plain=plain)
    yield "sessions cascade", Subject(call=expired_rows.cascade, rows=rows, plain=plain)
    if options.kept:
        yield "search", Subject(call=revoke_all_locked_out, rows=options.kept, plain=plain)
    events, plain = rows * expired_rows.EVENTS, "events plain"
    yield plain, Subject(call=expired_rows.delete_events_plainly, rows=events, plain=plain)
    prune = lambda: prune_events(older_than=timedelta(days=1))  # noqa: E731
    yield "events", Subject(call=prune, rows=events, plain=plain)
    plain = "attempts plain"
    yield plain, Subject(call=expired_rows.delete_attempts_plainly, rows=rows, plain=plain)
    yield "attempts", Subject(call=prune_short_lived, rows=rows, plain=plain)


def _check(name: str, options: argparse.Namespace) -> None:
    """Exit unless exactly the expired rows of the subject are gone."""
    from benchmarks.expired_rows import EVENTS, count_rows

    sessions, attempts = options.kept, 0
    events = sessions * EVENTS
    if name.startswith(("events", "search")):
        sessions += options.sessions
    if name == "search":
        events += options.sessions * EVENTS
    if count_rows() != (sessions, sessions, events, attempts):
        raise SystemExit(f"Wrong rows are left by {name}: {count_rows()}")


if __name__ == "__main__":
    main()
