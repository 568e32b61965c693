"""Query plans of PostgreSQL."""

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
"""Tables that a page must not read in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a query plan."""

    kind: str
    table: str
    cost: float

    @property
    def reads_all(self) -> bool:
        """Whether the node scans a large table in full."""
        return "Seq Scan" in self.kind and self.table in LARGE

    def __str__(self) -> str:
        return f"{self.kind} on {self.table}" if self.table else self.kind


def nodes_of(statement: str) -> list[Node]:
    """Return the nodes of a statement's plan; empty unless it is a SELECT."""
    if not statement.lstrip(" (").upper().startswith("SELECT"):
        return []
    with connection.cursor() as cursor:
        # Without parameters the percent character of a LIKE is literal.
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    plans = json.loads(found) if isinstance(found, str) else found
    return list(_walk(plans[0]["Plan"]))


def worst_of(nodes: list[Node]) -> Node | None:
    """Return a node that scans a table in full, or else the most expensive scan."""
    scans = [node for node in nodes if node.table]
    return max(scans, key=lambda node: (node.reads_all, node.cost), default=None)


def _walk(plan: dict[str, Any]) -> Iterator[Node]:
    yield Node(
        kind=plan["Node Type"], table=plan.get("Relation Name", ""), cost=plan["Total Cost"]
    )
    for part in plan.get("Plans", ()):
        yield from _walk(part)
