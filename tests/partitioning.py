"""The migration in docs/scale.md that puts the tables into hash partitions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.db.migrations import RunSQL

_PAGE = Path(__file__).parent.parent / "docs" / "scale.md"


def read_operation(directory: Path) -> RunSQL:
    """Write the files of the migration to a directory; return its operation."""
    section = _PAGE.read_text(encoding="utf-8").partition("## Partitions")[2]
    blocks = {}
    for language in ("sql", "python"):
        (blocks[language],) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    (directory / "partition_table.sql").write_text(blocks["sql"], encoding="utf-8")
    names: dict[str, Any] = {"__file__": str(directory / "0001_partitions.py"), "__name__": ""}
    exec(compile(blocks["python"], names["__file__"], "exec"), names)  # noqa: S102
    (operation,) = names["Migration"].operations
    assert isinstance(operation, RunSQL)
    return operation
