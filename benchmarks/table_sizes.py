"""Sizes, dead rows and heap-only updates of the package's tables in PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily

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
    SELECT c.reltuples, pg_table_size(c.oid), pg_indexes_size(c.oid), s.n_dead_tup,
        s.n_tup_upd, s.n_tup_hot_upd, s.autovacuum_count, s.n_live_tup
    FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid WHERE c.oid = %s::regclass
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
            cursor.execute(_STATISTICS, [table])
            _, heap, indexes, dead, updates, heap_only, vacuums, live = cursor.fetchone()
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
    (settings,) = [block for block in blocks if "autovacuum" in block]
    return str(settings)


def apply_recommended_settings() -> None:
    """Set the storage parameters of docs/scale.md."""
    with connection.cursor() as cursor:
        cursor.execute(recommended_settings())
