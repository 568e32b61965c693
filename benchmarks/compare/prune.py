"""The command that deletes expired rows: time, memory and what it deletes."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.compare.cpu import CpuMeter
from benchmarks.compare.growth import Storage
from benchmarks.compare.subjects.base import Subject


def fill(subject: Subject, sessions: int, refreshes: int) -> None:
    """Insert expired sessions for the users of the project, and gather statistics."""
    from django.contrib.auth.models import User
    from django.db import connection

    users = list(User.objects.values_list("pk", flat=True))
    subject.add_expired_sessions(
        [users[number % len(users)] for number in range(sessions)], refreshes
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def prune(subject: Subject, meter: CpuMeter) -> dict[str, Any]:
    """Run the command in this process, which has done nothing else."""
    from django.core.management import call_command

    storage = Storage()
    rows = storage.rows()
    memory = _resident_kilobytes()
    began = time.perf_counter()
    with redirect_stdout(sys.stderr):
        cost, _ = meter.measure_call(lambda: call_command(str(subject.prune_command), verbosity=0))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": rows - storage.rows(),
        "seconds": round(seconds, 3),
        "python_seconds": round(cost.python / 1e9, 3),
        "database_seconds": None if cost.database is None else round(cost.database / 1e9, 3),
        "peak_megabytes": round(max(0, peak - memory) / 1024, 1),
    }


def _resident_kilobytes() -> int:
    """The memory of the process before the command."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
