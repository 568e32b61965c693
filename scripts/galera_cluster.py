"""Three MariaDB nodes with Galera, which all accept writes."""

from __future__ import annotations

import json

from cluster_access import start_rotating_proxy
from cluster_processes import Cluster
from processes import HOST, NAME

PACKAGES = {
    "mariadbd": ["mariadb-server"],
    "mariadb_config": ["libmariadb-dev"],
    "rsync": ["rsync"],
    "haproxy": ["haproxy"],
}
USER = "mysql"
PROVIDER = "/usr/lib/galera/libgalera_smm.so"
NODES = ("node0", "node1", "node2")


def start(cluster: Cluster) -> None:
    kinds = ("", "-group", "-ist", "-sst")
    cluster.take_ports("haproxy", *(f"{node}{kind}" for node in NODES for kind in kinds))
    for node in NODES:
        _define(cluster, node)
    for node in NODES:
        # The first node creates the cluster. A later start of it joins the others.
        cluster.start(node, *(["--wsrep-new-cluster"] if node == NODES[0] else []))
        cluster.wait(lambda node=node: is_synced(cluster, node), f"synced {node}")
        if node == NODES[0]:
            _create_user(cluster)
    start_rotating_proxy(cluster, NODES)
    nodes = {node: {"host": HOST, "port": cluster.ports[node]} for node in NODES}
    sockets = {node: str(cluster.directory / node / "socket") for node in NODES}
    known = {
        "engine": cluster.engine,
        "user": NAME,
        "password": cluster.password,
        "database": NAME,
        "nodes": nodes,
        "sockets": sockets,
    }
    url = f"mysql://{NAME}:{cluster.password}@{HOST}:{cluster.ports['haproxy']}/{NAME}"
    cluster.export(CLUSTER=json.dumps(known), MARIADB_URL=url, MARIADB_EXTRA="mariadb")


def _define(cluster: Cluster, node: str) -> None:
    home = cluster.home(node)
    cluster.run(
        "mariadb-install-db", "--no-defaults", "--skip-test-db",
        "--auth-root-authentication-method=normal", f"--datadir={home / 'data'}",
    )  # fmt: skip
    ports = cluster.ports
    peers = ",".join(f"{HOST}:{ports[f'{peer}-group']}" for peer in NODES)
    provider = {
        "gmcast.listen_addr": f"tcp://{HOST}:{ports[f'{node}-group']}",
        "ist.recv_addr": f"{HOST}:{ports[f'{node}-ist']}",
        "gcache.size": "32M",
    }
    cluster.define(
        node, "mariadbd", "--no-defaults", f"--datadir={home / 'data'}",
        f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}",
        f"--bind-address={HOST}", f"--port={ports[node]}", "--skip-name-resolve",
        "--max-connections=300", "--character-set-server=utf8mb4",
        "--binlog-format=ROW", "--default-storage-engine=InnoDB",
        "--innodb-autoinc-lock-mode=2",
        "--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", f"--wsrep-cluster-name={NAME}",
        f"--wsrep-cluster-address=gcomm://{peers}", f"--wsrep-node-name={node}",
        f"--wsrep-node-address={HOST}:{ports[f'{node}-group']}",
        f"--wsrep-node-incoming-address={HOST}:{ports[node]}",
        # For tests that know nothing of Galera: a SELECT sees what other nodes have committed.
        "--wsrep-sync-wait=1",
        "--wsrep-sst-method=rsync",
        f"--wsrep-sst-receive-address={HOST}:{ports[f'{node}-sst']}",
        "--wsrep-provider-options=" + ";".join(f"{k}={v}" for k, v in provider.items()),
        # The data is temporary, and survives the end of a process, not that of the machine.
        "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2",
        "--skip-innodb-doublewrite", "--innodb-log-file-size=32M",
        "--innodb-buffer-pool-size=128M",
    )  # fmt: skip


def is_synced(cluster: Cluster, node: str) -> bool:
    """Whether the node belongs to the primary component and has applied its history."""
    return "Synced" in cluster.ask(
        *_client(cluster, node), "--execute=SHOW STATUS LIKE 'wsrep_local_state_comment'"
    )


def _create_user(cluster: Cluster) -> None:
    statements = (
        f"CREATE DATABASE {NAME}; "
        f"CREATE USER {NAME}@'{HOST}' IDENTIFIED BY '{cluster.password}'; "
        f"GRANT ALL ON *.* TO {NAME}@'{HOST}'"
    )
    cluster.run(*_client(cluster, NODES[0]), f"--execute={statements}")


def _client(cluster: Cluster, node: str) -> list[str]:
    socket = cluster.directory / node / "socket"
    return ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root", "--password="]
