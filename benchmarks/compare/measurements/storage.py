"""What refreshes leave behind in the database, and the command that deletes expired rows.

For the first, a client refreshes and sends one request with the new access token, many times.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.client_groups import ClientGroup
from benchmarks.compare.measurements.cpu import CpuMeter
from benchmarks.compare.subjects.base import Subject

_WARM_UP: Final = 60

# Main pages only: a vacuum may add visibility maps at any time.
_SIZES: Final = """
    SELECT
        coalesce(sum(pg_relation_size(oid, 'main')) FILTER (WHERE relkind = 'r'), 0),
        coalesce(sum(pg_relation_size(oid, 'main')) FILTER (WHERE relkind = 'i'), 0)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
_UPDATES: Final = """
    SELECT coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0) FROM pg_stat_user_tables
"""
# With synchronous_commit off, the newest records are not readable yet. Only the commit of a
# transaction that has written a record waits for them.
_FLUSH: Final = (
    "SET LOCAL synchronous_commit = on",
    "SELECT pg_logical_emit_message(true, 'benchmarks', '')",
)

# Records of this database and the commits of their transactions, without images of whole pages:
# those depend on the time since the last checkpoint. Other databases use the same log.
_RECORDS: Final = """
    WITH record AS (
        SELECT
            xid,
            record_length - fpi_length AS bytes,
            block_ref LIKE '%%/' || %(oid)s || '/%%' AS is_own
        FROM pg_get_wal_records_info(%(start)s, pg_current_wal_flush_lsn())
    )
    SELECT coalesce(sum(bytes), 0) FROM record
    WHERE is_own OR xid::text IN (SELECT xid::text FROM record WHERE is_own AND xid::text <> '0')
"""


class Storage:
    """The storage of the default database."""

    def __init__(self) -> None:
        from django.db import connection

        self._connection = connection
        self.is_postgresql = connection.vendor == "postgresql"

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """The first row of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            row: tuple[Any, ...] = cursor.fetchone()
            return row

    def rows(self) -> int:
        """The rows of all tables."""
        quote = self._connection.ops.quote_name
        with self._connection.cursor() as cursor:
            tables = self._connection.introspection.table_names(cursor)
        return sum(self.query(f"SELECT count(*) FROM {quote(table)}")[0] for table in tables)  # noqa: S608  (names of tables)

    def sizes(self) -> tuple[int, int]:
        """Bytes of tables and of indexes."""
        table, index = self.query(_SIZES)
        return int(table), int(index)

    def updates(self) -> tuple[int, int]:
        """Updated rows, and those that changed no index."""
        self.query("SELECT pg_stat_force_next_flush()")
        self.query("SELECT pg_stat_clear_snapshot()")
        updated, heap_only = self.query(_UPDATES)
        return int(updated), int(heap_only)

    def log_position(self) -> str:
        """The end of the write-ahead log of the server."""
        return str(self.query("SELECT pg_current_wal_insert_lsn()")[0])

    def prepare_log(self) -> bool:
        """Whether the server can tell which records of its log belong to this database."""
        from django.db import DatabaseError

        try:
            with self._connection.cursor() as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        except DatabaseError:
            return False
        return True

    def logged_bytes(self, start: str) -> int:
        """Bytes that this database has written to the log since a position."""
        from django.db import transaction

        with transaction.atomic(), self._connection.cursor() as cursor:
            for statement in _FLUSH:
                cursor.execute(statement)
        oid = self.query("SELECT oid FROM pg_database WHERE datname = current_database()")[0]
        return int(self.query(_RECORDS, {"oid": str(oid), "start": start})[0])


def measure_growth(group: ClientGroup, refreshes: int) -> dict[str, Any] | None:
    """Refresh one session many times; None if the package has no refresh."""
    from django.test import override_settings

    with override_settings(**group.subject.settings_for_refresh_chains()):
        group.login_one()
        if group.subject.refresh(group.tokens[0]) is None:
            return None
        return _measure(group, refreshes)


def _measure(group: ClientGroup, refreshes: int) -> dict[str, Any]:
    storage = Storage()
    _refresh(group, _WARM_UP)
    rows = storage.rows()
    if not storage.is_postgresql:
        _refresh(group, refreshes)
        return {"refreshes": refreshes, "rows_per_100": (storage.rows() - rows) * 100 / refreshes}
    readable_log = storage.prepare_log()
    sizes, updates, start = storage.sizes(), storage.updates(), storage.log_position()
    _refresh(group, refreshes)
    logged = storage.logged_bytes(start) if readable_log else None
    tables, indexes = (
        (after - before) / refreshes for before, after in zip(sizes, storage.sizes(), strict=True)
    )
    updated, heap_only = (
        after - before for before, after in zip(updates, storage.updates(), strict=True)
    )
    return {
        "refreshes": refreshes,
        "rows_per_100": (storage.rows() - rows) * 100 / refreshes,
        "table_bytes": round(tables),
        "index_bytes": round(indexes),
        "wal_bytes": None if logged is None else round(logged / refreshes),
        "updates_per_refresh": round(updated / refreshes, 2),
        "heap_only": round(heap_only / updated, 3) if updated else None,
    }


def _refresh(group: ClientGroup, times: int) -> None:
    for _ in range(times):
        for operation in ("refresh", "request"):
            calls = group.calls(operation, 1)
            if calls is not None:
                group.take(operation, [group.send(call) for call in calls])


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
