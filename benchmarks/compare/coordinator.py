"""The coordinator: starts a process per subject and drives all of them in interleaved rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.databases import temporary_database
from benchmarks.compare.measurements.throughput import measure_throughput
from benchmarks.compare.output.statistics import summarize_rounds
from benchmarks.compare.subjects import SUBJECTS

_ROOT: Final = Path(__file__).parent.parent.parent


class WorkerError(Exception):
    """The process of a subject ended before it answered; its traceback is on standard error."""


class WorkerProcess:
    """The process of one subject."""

    def __init__(self, subject: str, database: dict[str, Any], *, create: bool) -> None:
        self.subject = subject
        # Warnings of other packages do not end a run.
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONWARNINGS": "ignore"}
        config = json.dumps({"subject": subject, "database": database, "create": create})
        self._process = subprocess.Popen(  # noqa: S603  (this package)
            [sys.executable, "-m", "benchmarks.compare.worker", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=environment,
        )

    def ask(self, command: str, **arguments: Any) -> Any:
        """Execute a method of the worker."""
        if self._process.stdin is None:
            raise WorkerError(self.subject)
        try:
            self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerError(self.subject) from error
        return self.read()

    def read(self) -> Any:
        """Wait for an answer."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise WorkerError(self.subject)
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def worker_process(
    subject: str, database: dict[str, Any], *, create: bool = True
) -> Iterator[WorkerProcess]:
    """Start the process of a subject; end it."""
    worker = WorkerProcess(subject, database, create=create)
    try:
        yield worker
    finally:
        worker.stop()


class Comparison:
    """One run with all subjects."""

    def __init__(
        self, vendor: str, subjects: Sequence[str], report: Callable[[str], None]
    ) -> None:
        self.vendor = vendor
        self.subjects = subjects
        self._report = report
        self._stack = ExitStack()
        self._workers: dict[str, WorkerProcess] = {}
        self._databases: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.server: dict[str, Any] = {}

    def __enter__(self) -> Comparison:
        with self._stack:
            for name in self.subjects:
                self._report(f"starting {name}")
                database = self._stack.enter_context(temporary_database(self.vendor, name))
                self._databases[name] = database
                worker = self._stack.enter_context(worker_process(name, database))
                described = worker.read()
                self.server = described["server"]
                self.results[name] = {"version": described["version"]}
                self._workers[name] = worker
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure_cpu(self, *, rounds: int, warm_up: int, clients: int) -> None:
        """Measure all operations: in each round, every subject after the other."""
        measured: dict[str, list[dict[str, Any]]] = {name: [] for name in self.subjects}
        for number in range(warm_up + rounds):
            self._report(f"round {number + 1} of {warm_up + rounds}")
            if number == warm_up:
                for worker in self._workers.values():
                    worker.ask("gather_statistics")
            # Another subject begins each round.
            start = number % len(self.subjects)
            for name in [*self.subjects[start:], *self.subjects[:start]]:
                result = self._workers[name].ask("round", clients=clients, number=number)
                if number >= warm_up:
                    measured[name].append(result)
        for name, results in measured.items():
            self.results[name]["operations"] = summarize_rounds(results)

    def ask_each(self, command: str, **arguments: Any) -> None:
        """Execute one command with one subject after the other, and keep the answers."""
        for name, worker in self._workers.items():
            self._report(f"{command}: {name}")
            self.results[name][command] = worker.ask(command, **arguments)

    def measure_prune(self, *, sessions: int, refreshes: int) -> None:
        """Delete expired sessions, each subject in a new process, whose memory is its own."""
        for name, worker in self._workers.items():
            self.results[name]["prune"] = None
            if SUBJECTS[name].prune_command is None:
                continue
            self._report(f"prune: {name}")
            worker.ask("fill", sessions=sessions, refreshes=refreshes)
            with worker_process(name, self._databases[name], create=False) as fresh:
                fresh.read()
                self.results[name]["prune"] = fresh.ask("prune")

    def measure_throughput(self, *, sessions: int, requests: int, turns: int) -> None:
        """Requests and refreshes per second through gunicorn, one subject after the other."""
        repeat = {"request": max(1, requests // sessions), "refresh": 1}
        for name, worker in self._workers.items():
            self._report(f"throughput: {name}")
            operations = {
                operation: [
                    worker.ask("calls", operation=operation, sessions=sessions, repeat=times)
                    for _ in range(turns + 1)
                ]
                for operation, times in repeat.items()
            }
            present = {key: value for key, value in operations.items() if value[0]["subject"]}
            config = {"subject": name, "database": self._databases[name]}
            self.results[name]["throughput"] = measure_throughput(config, present)
