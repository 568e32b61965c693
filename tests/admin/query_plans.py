"""How PostgreSQL carries out what a page asks of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

LARGE: Final = frozenset(
    {
        "refresh_sessions_devicesession",
        "refresh_sessions_tokenfamily",
        "refresh_sessions_sessionevent",
    }
)
"""Tables that no page may read as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of a plan."""

    kind: str
    table: str
    cost: float

    @property
    def reads_all(self) -> bool:
        """Whether it reads a large table from end to end."""
        return "Seq Scan" in self.kind and self.table in LARGE

    def __str__(self) -> str:
        return f"{self.kind} on {self.table}" if self.table else self.kind


def nodes_of(statement: str) -> list[Node]:
    """The steps of a statement's plan; none for what is no SELECT."""
    if not statement.lstrip(" (").upper().startswith("SELECT"):
        return []
    with connection.cursor() as cursor:
        # Without parameters, so that a percent sign in a LIKE stands for itself.
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    plans = json.loads(found) if isinstance(found, str) else found
    return list(_walk(plans[0]["Plan"]))


def worst_of(nodes: list[Node]) -> Node | None:
    """The step to worry about most: one that reads all, else the scan that costs most."""
    scans = [node for node in nodes if node.table]
    return max(scans, key=lambda node: (node.reads_all, node.cost), default=None)


def _walk(plan: dict[str, Any]) -> Iterator[Node]:
    yield Node(
        kind=plan["Node Type"], table=plan.get("Relation Name", ""), cost=plan["Total Cost"]
    )
    for part in plan.get("Plans", ()):
        yield from _walk(part)
