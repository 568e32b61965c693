"""Requirements of these tests, and the marks that skip them with the reason."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest

SWITCH = "REFRESH_SESSIONS_CLUSTERS"

MODULES = ("MySQLdb", "psycopg", "gunicorn", "dj_database_url")
PROGRAMS = ("rsync", "etcd", "patroni", "haproxy", "pgbouncer")


def missing() -> str:
    """Name the first missing requirement; empty without one."""
    for module in MODULES:
        if find_spec(module) is None:
            return f"{module} is not installed (run tox -e clusters)"
    # As root, scripts/clusters installs the programs.
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        for program in PROGRAMS:
            if shutil.which(program) is None:
                return f"{program} is not installed"
    return ""


needs_switch = pytest.mark.skipif(os.environ.get(SWITCH) != "1", reason=f"{SWITCH} is not 1")

needs_clusters = [needs_switch, pytest.mark.skipif(missing() != "", reason=missing())]
"""For Galera and Patroni."""
