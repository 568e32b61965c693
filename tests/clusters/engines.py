"""Engines from the view of a project: its databases, and the state of the nodes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.request import urlopen

from tests.clusters.commands import clusters, describe

NODES = ("node0", "node1", "node2")
LONGEST_RECOVERY = 120.0
TABLES = ("devicesession", "tokenfamily", "sessionevent")


@dataclass
class Cluster:
    """A cluster that ``scripts/clusters`` has started."""

    engine: str
    known: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.known = describe(self.engine)

    def do(self, command: str, *processes: str) -> None:
        """Kill, run, freeze or thaw processes."""
        clusters(command, self.engine, *processes)

    def wait_until(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONGEST_RECOVERY
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.engine}: not {what}")
            time.sleep(0.2)

    def repair(self) -> None:
        """Let all processes run, whatever a test has left behind."""
        names = [line.split()[0] for line in clusters("list", self.engine).splitlines()]
        self.do("thaw", *names)
        self.do("run", *names)

    def credentials(self, name: str) -> dict[str, Any]:
        return {"USER": self.known["user"], "PASSWORD": self.known["password"], "NAME": name}


@dataclass
class Galera(Cluster):
    """Three nodes that accept writes, and one server of the project in front of each."""

    sync_wait: int = 1

    def databases(self, name: str) -> list[dict[str, Any]]:
        """The database setting of each server."""
        return [self.database(name, node, sync_wait=self.sync_wait) for node in NODES]

    def database(self, name: str, node: str, *, sync_wait: int = 1) -> dict[str, Any]:
        """The setting of a server that uses one node."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "HOST": self.known["nodes"][node]["host"],
            "PORT": self.known["nodes"][node]["port"],
            "CONN_MAX_AGE": 600,
            "OPTIONS": {
                "charset": "utf8mb4",
                "init_command": f"SET SESSION wsrep_sync_wait = {sync_wait}",
                "connect_timeout": 3,
                "read_timeout": 5,
                "write_timeout": 5,
            },
            **self.credentials(name),
        }

    def create_database(self, name: str) -> None:
        self.ask(NODES[0], f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

    def connect(self, node: str) -> Any:
        """Connect as an administrator, also to a node outside the primary component."""
        MySQLdb = import_module("MySQLdb")  # noqa: N806  (not installed everywhere)
        return MySQLdb.connect(
            unix_socket=self.known["sockets"][node], user="root", password="", autocommit=True
        )

    def ask(self, node: str, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement on a node."""
        connection = self.connect(node)
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())
        finally:
            connection.close()

    def state(self, node: str) -> str:
        """Synced, Donor/Desynced, Initialized and so on; empty if the node does not run."""
        with suppress(Exception):
            return str(self.ask(node, "SHOW STATUS LIKE 'wsrep_local_state_comment'")[0][1])
        return ""

    def wait_until_healthy(self) -> None:
        self.wait_until(lambda: all(self.state(node) == "Synced" for node in NODES), "synced")

    def isolate(self, node: str, *, isolated: bool) -> None:
        """Cut a node off from the others, or connect it again; clients still reach it."""
        switch = int(isolated)
        self.ask(node, f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={switch}'")

    def find_differences(self, name: str) -> list[str]:
        """Compare the tables of the package on all nodes."""
        tables = ", ".join(f"{name}.refresh_sessions_{table}" for table in TABLES)
        sums = {node: self.ask(node, f"CHECKSUM TABLE {tables}") for node in NODES}
        return [
            f"{node} differs from {NODES[0]}" for node in NODES if sums[node] != sums[NODES[0]]
        ]


@dataclass
class Patroni(Cluster):
    """A leader with two standbys; all servers of the project connect in one way."""

    NODES = NODES
    TTL = 20
    """Seconds after which Patroni replaces a leader that it cannot reach."""
    WATCHDOG = TTL - 5
    """Seconds after which a watchdog resets the machine of a leader whose Patroni does not run."""

    way: str = "direct"

    def databases(self, name: str) -> list[dict[str, Any]]:
        """The same database setting for each server."""
        return [self.database(name, self.way) for _ in NODES]

    def database(self, name: str, way: str, *, read_write: bool = True) -> dict[str, Any]:
        """The setting of a server that connects in one way, or to one node."""
        address = self.known["ways"].get(way) or self.known["nodes"][way]
        options: dict[str, Any] = {"connect_timeout": 3}
        if read_write:
            # Also behind HAProxy, which may still lead to a former leader.
            options["target_session_attrs"] = "read-write"
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": address["host"],
            "PORT": str(address["port"]),
            "CONN_MAX_AGE": 600,
            "OPTIONS": options,
            # For PgBouncer in transaction mode.
            "DISABLE_SERVER_SIDE_CURSORS": way == "pgbouncer",
            **self.credentials(name),
        }

    def create_database(self, name: str) -> None:
        self.ask(self.leader(), f"CREATE DATABASE {name}")

    def ask(self, node: str, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute a statement on a node."""
        import psycopg  # noqa: PLC0415  (not installed everywhere)

        with psycopg.connect(
            host=self.known["nodes"][node]["host"],
            port=self.known["nodes"][node]["port"],
            user=self.known["user"],
            password=self.known["password"],
            dbname=database,
            autocommit=True,
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def has_role(self, node: str, role: str) -> bool:
        """Ask Patroni for a role: primary, replica or synchronous."""
        url = f"http://127.0.0.1:{self.known['rest'][node]}/{role}"
        with suppress(OSError), urlopen(url, timeout=2):
            return True
        return False

    def leader(self) -> str:
        """The node that leads, once there is one."""
        leaders: list[str] = []

        def find() -> bool:
            leaders[:] = [node for node in NODES if self.has_role(node, "primary")]
            return len(leaders) == 1

        self.wait_until(find, "led by one node")
        return leaders[0]

    def wait_for_other_leader(self, former: str) -> str:
        others = [node for node in NODES if node != former]
        self.wait_until(
            lambda: any(self.has_role(node, "primary") for node in others), "led by another node"
        )
        return next(node for node in others if self.has_role(node, "primary"))

    def signal_manager(self, node: str, number: signal.Signals) -> None:
        """Send a signal to Patroni alone; PostgreSQL does not get it."""
        found = (line.split() for line in clusters("list", self.engine).splitlines())
        os.kill(next(int(words[1]) for words in found if words[0] == node), number)

    def wait_until_healthy(self) -> None:
        synchronous = self.engine == "patroni"

        def is_healthy() -> bool:
            return (
                sum(self.has_role(node, "primary") for node in NODES) == 1
                and sum(self.has_role(node, "replica") for node in NODES) == 2
                and (not synchronous or any(self.has_role(n, "synchronous") for n in NODES))
            )

        self.wait_until(is_healthy, "healthy")
        self.wait_until(lambda: self._standbys() == 2, "replicating to two standbys")

    def _standbys(self) -> int:
        rows = self.ask(self.leader(), "SELECT 1 FROM pg_stat_replication WHERE state='streaming'")
        return len(rows)

    def is_replicated(self) -> bool:
        """Whether both standbys have applied all writes."""
        rows = self.ask(
            self.leader(),
            "SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()",
        )
        return len(rows) == 2

    def find_differences(self, name: str) -> list[str]:
        """A standby is a physical copy."""
        return []
