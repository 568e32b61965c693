"""CPU time of a call in this process and in its database session."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from django.db import connections


def measure(call: Callable[[], object], using: str = "default") -> tuple[float, float]:
    """Seconds of CPU time of this process and its database session, and of wall-clock time."""
    start, cpu = time.perf_counter(), time.process_time() + _server_cpu(using)
    call()
    used = time.process_time() + _server_cpu(using) - cpu
    return used, time.perf_counter() - start


def _server_cpu(using: str) -> float:
    """CPU seconds of the database session if it has a process or thread on this machine."""
    connection = connections[using]
    connection.ensure_connection()
    if connection.connection is not _sessions.get(using, (None, 0))[0]:
        _sessions[using] = (connection.connection, _find_process(using))
    file = Path(f"/proc/{_sessions[using][1]}/schedstat")
    return int(file.read_text().split()[0]) / 1e9 if file.exists() else 0.0


_sessions: dict[str, tuple[object, int]] = {}
"""The connection of each alias, and the process of its session."""


def _find_process(using: str) -> int:
    """The process of a session, or its thread in the process of MariaDB; 0 if there is none."""
    statements = {
        "postgresql": "SELECT pg_backend_pid()",
        "mysql": "SELECT tid FROM information_schema.processlist WHERE id = connection_id()",
    }
    connection = connections[using]
    if connection.vendor not in statements:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statements[connection.vendor])
        return int(cursor.fetchone()[0])
