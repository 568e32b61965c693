"""Sizes, dead rows and heap-only updates of the package's tables in PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from tests.partitioning import read_operation

TABLES: Final = {
    "families": TokenFamily._meta.db_table,
    "sessions": DeviceSession._meta.db_table,
    "events": SessionEvent._meta.db_table,
}

HEADER: Final = (
    f"{'table':9} {'rows':>11} {'heap MB':>8} {'index MB':>8} {'dead':>9} "
    f"{'updates':>11} {'heap-only':>9} {'vacuums':>7}"
)

_STATISTICS: Final = """
    SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)), sum(n_dead_tup),
        sum(n_tup_upd), sum(n_tup_hot_upd), sum(autovacuum_count), sum(n_live_tup)
    FROM pg_stat_user_tables
    WHERE relid = %(table)s::regclass
        OR relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
"""

_SCALE: Final = Path(__file__).resolve().parent.parent / "docs" / "scale.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """The statistics of one table."""

    name: str
    rows: int
    heap: int
    indexes: int
    dead: int
    updates: int
    heap_only: int
    vacuums: int

    @property
    def heap_only_share(self) -> float:
        """The share of heap-only updates; 1 without updates."""
        return self.heap_only / self.updates if self.updates else 1.0

    def __str__(self) -> str:
        return (
            f"{self.name:9} {self.rows:11,} {self.heap / 1e6:8.1f} {self.indexes / 1e6:8.1f} "
            f"{self.dead:9,} {self.updates:11,} {self.heap_only_share:9.1%} {self.vacuums:7}"
        )


def read_sizes(using: str = DEFAULT_DB_ALIAS) -> list[TableSize]:
    """Read the statistics of the three tables."""
    sizes = []
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        for name, table in TABLES.items():
            cursor.execute(_STATISTICS, {"table": table})
            row = map(int, cursor.fetchone())
            heap, indexes, dead, updates, heap_only, vacuums, live = row
            sizes.append(
                TableSize(
                    name=name,
                    rows=live,
                    heap=heap,
                    indexes=indexes,
                    dead=dead,
                    updates=updates,
                    heap_only=heap_only,
                    vacuums=vacuums,
                )
            )
    return sizes


def describe(title: str) -> str:
    """The statistics as lines of a table."""
    return "\n".join([title, *map(str, read_sizes())])


def recommended_settings() -> str:
    """The SQL of docs/scale.md that sets storage parameters."""
    blocks = re.findall(r"```sql\n(.*?)```", _SCALE.read_text(), flags=re.DOTALL)
    (settings,) = [block for block in blocks if block.startswith("ALTER TABLE")]
    return str(settings)


def apply_recommended_settings() -> None:
    """Set the storage parameters of docs/scale.md."""
    with connection.cursor() as cursor:
        cursor.execute(recommended_settings())


def apply_partitions(using: str) -> None:
    """Put the tables into partitions, as the migration in docs/scale.md does."""
    with TemporaryDirectory() as directory, connections[using].cursor() as cursor:
        cursor.execute(str(read_operation(Path(directory)).sql))
        cursor.execute("VACUUM ANALYZE")
