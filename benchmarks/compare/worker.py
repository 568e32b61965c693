"""The process of one subject: reads commands from standard input, one JSON object per line.

The coordinator starts it with one argument, JSON with ``subject`` and ``database``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from benchmarks.compare.lanes import OPERATIONS, Lane
from benchmarks.compare.project import Project
from benchmarks.compare.subjects import SUBJECTS


class Worker:
    """Executes the commands of the coordinator."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.project = Project(SUBJECTS[config["subject"]](), config["database"])
        from django.db import connection

        from benchmarks.compare.cpu import CpuMeter

        self.subject = self.project.subject
        self.project.create()
        self.meter = CpuMeter(connection)
        self.lane = Lane(self.subject, self.project.handler)
        if self.subject.name == "floor":
            self.lane.handler = self.project.floor_handler
        self.floor = Lane(self.project.floor, self.project.floor_handler)

    def describe(self) -> dict[str, Any]:
        """Facts that do not change between rounds."""
        return {"version": self.subject.version(), "database": self.meter.measures_database}

    def round(self, clients: int, number: int) -> dict[str, Any]:
        """Measure each operation of the subject and of the floor."""
        lanes = {"subject": self.lane, "floor": self.floor}
        order = list(lanes) if number % 2 else list(reversed(lanes))
        measured: dict[str, Any] = {}
        for operation in OPERATIONS:
            for name in order:
                cost = lanes[name].measure(operation, clients, self.meter)
                if cost is not None:
                    measured.setdefault(operation, {})[name] = cost.per_call(clients)
        return measured

    def statements(self) -> dict[str, Any]:
        """SQL statements of each operation, and the BEGIN, COMMIT and SAVEPOINT beside them."""
        from benchmarks.compare.statements import count_statements

        return count_statements(self.lane)


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
