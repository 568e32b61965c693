"""The machine, the versions and the database server of a run."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_SERVER_SETTINGS: Final = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")
"""Settings of PostgreSQL that change the cost of a write."""


def describe_machine() -> dict[str, Any]:
    """Facts about the machine, without its name."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "django": metadata.version("django"),
        "djangorestframework": metadata.version("djangorestframework"),
    }


def describe_server(connection: Any) -> dict[str, Any]:
    """Version and settings of the database."""
    version = ".".join(str(number) for number in connection.get_database_version())
    if connection.vendor != "postgresql":
        return {"name": f"{connection.display_name} {version}", "settings": {}}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_SERVER_SETTINGS)]
        )
        settings = dict(cursor.fetchall())
    return {"name": f"{connection.display_name} {version}", "settings": settings}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
