"""CPU time of this process and of the database's process that serves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.compare.calls import Answer, run

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """Nanoseconds of CPU; ``database`` is None where the kernel does not tell."""

    python: int
    database: int | None

    @property
    def total(self) -> int:
        """Both processes together."""
        return self.python + (self.database or 0)

    def per_call(self, calls: int) -> list[float | None]:
        """Microseconds of one call: Python, database."""
        database = None if self.database is None else self.database / calls / 1000
        return [self.python / calls / 1000, database]


class CpuMeter:
    """Measures batches of requests on one database connection.

    SQLite works within this process. PostgreSQL has one process per connection, whose CPU time the
    kernel of the same machine tells.
    """

    def __init__(self, connection: Any) -> None:
        self._schedstat: Path | None = None
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                schedstat = Path("/proc", str(cursor.fetchone()[0]), "schedstat")
            if schedstat.exists():
                self._schedstat = schedstat

    def measure(self, handler: Any, environs: list[dict[str, Any]]) -> tuple[Cost, list[Answer]]:
        """Handle the requests one after the other; return the CPU time and the answers."""
        return self.measure_call(lambda: [run(handler, environ) for environ in environs])

    def measure_call(self, call: Callable[[], T]) -> tuple[Cost, T]:
        """The CPU time of a function, and its result."""
        database = self._database()
        python = time.process_time_ns()
        result = call()
        python = time.process_time_ns() - python
        after = self._database()
        spent = None if database is None or after is None else after - database
        return Cost(python, spent), result

    def _database(self) -> int | None:
        if self._schedstat is None:
            return None
        return int(self._schedstat.read_text("ascii").split()[0])
