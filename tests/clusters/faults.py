"""Faults of clusters under load. Each fault is an actor: it runs until the event is set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from tests.clusters.engines import NODES, Cluster, Galera, Patroni
from tests.faults.soak.http_client import Statistics

FIRST_AFTER = 10.0
"""Seconds of ordinary load before the first fault."""

BETWEEN = 12.0
"""Seconds between the end of a fault and the next one."""

DOWN = 10.0
"""Seconds until a killed node is started again."""

CUT_OFF = 15.0
"""Seconds of a partition, longer than Galera needs to exclude a node."""


def run_fault(cluster: Cluster, name: str, statistics: Statistics) -> Callable[[Event], None]:
    """Return the actor that causes a fault repeatedly, each time on another node."""
    cause = FAULTS[cluster.engine.partition("-")[0]][name]

    def run(over: Event) -> None:
        number = 0
        while not over.wait(BETWEEN if number else FIRST_AFTER):
            cause(cluster, number, over)
            statistics.count(name)
            number += 1

    return run


def nothing(cluster: Cluster, number: int, over: Event) -> None:
    over.wait()


def kill_node(galera: Galera, number: int, over: Event) -> None:
    """SIGKILL; after its restart the node copies what it has missed."""
    node = NODES[(number + 1) % len(NODES)]
    galera.do("kill", node)
    over.wait(DOWN)
    galera.do("run", node)
    galera.wait_until_healthy()


def isolate_node(galera: Galera, number: int, over: Event) -> None:
    """A partition that the clients of the node do not see."""
    node = NODES[(number + 1) % len(NODES)]
    with isolated(galera, node):
        over.wait(CUT_OFF)


@contextmanager
def isolated(galera: Galera, node: str) -> Iterator[None]:
    """Cut a node off from the others; clients still reach it."""
    galera.isolate(node, isolated=True)
    try:
        yield
    finally:
        galera.isolate(node, isolated=False)
        galera.wait_until_healthy()


def freeze_node(galera: Galera, number: int, over: Event) -> None:
    """A node that neither answers nor closes its connections."""
    node = NODES[(number + 1) % len(NODES)]
    galera.do("freeze", node)
    try:
        over.wait(CUT_OFF)
    finally:
        galera.do("thaw", node)
    galera.wait_until_healthy()


def delay_node(galera: Galera, number: int, over: Event) -> None:
    """A node that receives all writes and applies them seconds later."""
    with applier_paused(galera, NODES[(number + 1) % len(NODES)]):
        over.wait(3)


@contextmanager
def applier_paused(galera: Galera, node: str) -> Iterator[None]:
    """Let a node apply nothing, without flow control for the others."""
    connection = galera.connect(node)
    try:
        cursor = connection.cursor()
        cursor.execute("SET GLOBAL wsrep_desync = ON")
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield
        cursor.execute("UNLOCK TABLES")
        cursor.execute("SET GLOBAL wsrep_desync = OFF")
    finally:
        connection.close()


def kill_leader(patroni: Patroni, number: int, over: Event) -> None:
    """SIGKILL of PostgreSQL and Patroni; the node returns as a standby."""
    leader = patroni.leader()
    patroni.do("kill", leader)
    patroni.wait_for_other_leader(leader)
    patroni.do("run", leader)
    patroni.wait_until_healthy()


def partition_leader(patroni: Patroni, number: int, over: Event) -> None:
    """The leader reaches neither etcd nor its standbys; clients still reach it."""
    leader = patroni.leader()
    links = [f"{leader}-{target}-link" for target in ("etcd", "postgres", "rest")]
    patroni.do("freeze", *links)
    try:
        patroni.wait_for_other_leader(leader)
        over.wait(5)
    finally:
        patroni.do("thaw", *links)
    patroni.wait_until_healthy()


def freeze_leader(patroni: Patroni, number: int, over: Event) -> None:
    """The leader neither answers nor closes its connections, until a watchdog resets it."""
    leader = patroni.leader()
    patroni.do("freeze", leader)
    time.sleep(patroni.WATCHDOG)
    patroni.do("kill", leader)
    patroni.wait_for_other_leader(leader)
    patroni.do("run", leader)
    patroni.wait_until_healthy()


FAULTS: dict[str, dict[str, Callable[..., None]]] = {
    "galera": {
        "none": nothing,
        "kill": kill_node,
        "partition": isolate_node,
        "freeze": freeze_node,
        "lag": delay_node,
    },
    "patroni": {
        "none": nothing,
        "kill": kill_leader,
        "partition": partition_leader,
        "freeze": freeze_leader,
    },
}
