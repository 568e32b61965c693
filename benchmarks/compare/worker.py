"""The process of one subject: reads commands from standard input, one JSON object per line.

The coordinator starts it with one argument, JSON with ``subject``, ``database`` and ``create``:
whether the database is empty.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from benchmarks.compare.client_groups import OPERATIONS, ClientGroup
from benchmarks.compare.project import Project
from benchmarks.compare.subjects import SUBJECTS


class Worker:
    """Executes the commands of the coordinator."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.project = Project(SUBJECTS[config["subject"]](), config["database"])
        from django.db import connection

        from benchmarks.compare.machine import describe_server
        from benchmarks.compare.measurements.cpu import CpuMeter

        self.subject = self.project.subject
        if config["create"]:
            self.project.create()
        self.meter = CpuMeter(connection)
        self.server = describe_server(connection)
        self.group = ClientGroup(self.subject, self.project.handler)
        if self.subject.name == "baseline":
            self.group.handler = self.project.baseline_handler
        self.baseline = ClientGroup(self.project.baseline, self.project.baseline_handler)

    def describe(self) -> dict[str, Any]:
        """Facts that do not change between rounds."""
        return {"version": self.subject.version(), "server": self.server}

    def round(self, clients: int, number: int) -> dict[str, Any]:
        """Measure each operation of the subject and of the baseline."""
        groups = {"subject": self.group, "baseline": self.baseline}
        order = list(groups) if number % 2 else list(reversed(groups))
        measured: dict[str, Any] = {}
        for operation in OPERATIONS:
            for name in order:
                cost = groups[name].measure(operation, clients, self.meter)
                if cost is not None:
                    measured.setdefault(operation, {})[name] = cost.per_call(clients)
        return measured

    def gather_statistics(self) -> None:
        """Let the database analyze its tables, as autovacuum does where it is on."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def statements(self) -> dict[str, Any]:
        """SQL statements of each operation, and the BEGIN, COMMIT and SAVEPOINT beside them."""
        from benchmarks.compare.measurements.statements import count_statements

        return count_statements(self.group)

    def behaviour(self) -> dict[str, Any]:
        """What clients and attackers observe."""
        from benchmarks.compare.measurements.behaviour import observe

        return observe(self.group)

    def simultaneous(self, clients: int, trials: int) -> list[dict[str, int]] | None:
        """Refreshes of one token by many clients at once."""
        from benchmarks.compare.measurements.simultaneous import refresh_simultaneously

        return refresh_simultaneously(self.group, clients, trials)

    def growth(self, refreshes: int) -> dict[str, Any] | None:
        """What refreshes leave behind in the database."""
        from benchmarks.compare.measurements.storage import measure_growth

        return measure_growth(self.group, refreshes)

    def fill(self, sessions: int, refreshes: int) -> None:
        """Insert expired sessions, each with the rows of so many refreshes."""
        from benchmarks.compare.measurements.storage import fill

        fill(self.subject, sessions, refreshes)

    def prune(self) -> dict[str, Any]:
        """Run the command of the subject that deletes expired rows."""
        from benchmarks.compare.measurements.storage import prune

        return prune(self.subject, self.meter)

    def calls(self, operation: str, sessions: int, repeat: int) -> dict[str, Any]:
        """Calls of the subject and of the baseline for another client, each with new sessions."""
        groups = {"subject": self.group, "baseline": self.baseline}
        sent = {name: group.calls_of_new(operation, sessions) for name, group in groups.items()}
        return {
            name: None if calls is None else [call.message() for call in calls] * repeat
            for name, calls in sent.items()
        }


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What a package prints must not look like an answer.
    sys.stdout = sys.stderr
    worker = Worker(json.loads(sys.argv[1]))
    _answer(answers, worker.describe())
    for line in sys.stdin:
        command = json.loads(line)
        _answer(answers, getattr(worker, command.pop("do"))(**command))


def _answer(answers: TextIO, data: Any) -> None:
    answers.write(json.dumps(data) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
