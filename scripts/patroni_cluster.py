"""Three PostgreSQL nodes under Patroni and etcd: one leader, two standbys.

The nodes reach each other and etcd through links, which are HAProxy processes. A frozen link is a
network partition: connections stay open and no data arrives. Clients do not use the links.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

from cluster_access import POOLED, start_leader_proxy, start_link, start_pgbouncer
from cluster_processes import Cluster
from packages import find
from processes import HOST, NAME

PACKAGES = {
    "initdb": ["postgresql"],
    "patroni": ["patroni", "python3-etcd"],
    "etcd": ["etcd-server"],
    "haproxy": ["haproxy"],
    "pgbouncer": ["pgbouncer"],
}
USER = "postgres"
NODES = ("node0", "node1", "node2")


def start(cluster: Cluster) -> None:
    """Start the mode of the engine's name: synchronous, or asynchronous for patroni-async."""
    synchronous = not cluster.engine.endswith("async")
    kinds = ("", "-rest", "-etcd-link", "-postgres-link", "-rest-link")
    cluster.take_ports(
        "etcd", "etcd-peer", "haproxy", "haproxy-standby", "pgbouncer",
        *(f"{node}{kind}" for node in NODES for kind in kinds),
    )  # fmt: skip
    _start_etcd(cluster)
    for node in NODES:
        start_link(cluster, f"{node}-etcd-link", cluster.ports["etcd"])
        start_link(cluster, f"{node}-postgres-link", cluster.ports[node])
        start_link(cluster, f"{node}-rest-link", cluster.ports[f"{node}-rest"])
        _define(cluster, node, synchronous=synchronous)
        cluster.start(node)
        if node == NODES[0]:
            # The first node creates the database, the others copy it.
            cluster.wait(lambda: find_role(cluster, NODES[0]) == "primary", "the first leader")
    cluster.wait(lambda: is_complete(cluster, synchronous=synchronous), "two standbys")
    leader = ["--host", HOST, "--port", cluster.ports[NODES[0]], "--username", NAME, "--no-psqlrc"]
    cluster.run("psql", *leader, "--command", f"CREATE DATABASE {NAME}", "postgres")
    start_leader_proxy(cluster, NODES)
    start_pgbouncer(cluster, NODES)
    _export(cluster)


def _export(cluster: Cluster) -> None:
    ways = {
        "direct": {
            "host": ",".join([HOST] * len(NODES)),
            "port": ",".join(str(cluster.ports[node]) for node in NODES),
        },
        **{
            way: {"host": HOST, "port": cluster.ports[way]}
            for way in ("haproxy", "haproxy-standby", "pgbouncer")
        },
    }
    known = {
        "engine": cluster.engine,
        "user": NAME,
        "password": cluster.password,
        "database": NAME,
        "pooled": POOLED,
        "ways": ways,
        "nodes": {node: {"host": HOST, "port": cluster.ports[node]} for node in NODES},
        "rest": {node: cluster.ports[f"{node}-rest"] for node in NODES},
    }
    url = f"postgres://{NAME}:{cluster.password}@{HOST}:{cluster.ports['haproxy']}/{NAME}"
    cluster.export(CLUSTER=json.dumps(known), POSTGRES_URL=url)


def _start_etcd(cluster: Cluster) -> None:
    client = f"http://{HOST}:{cluster.ports['etcd']}"
    peer = f"http://{HOST}:{cluster.ports['etcd-peer']}"
    cluster.define(
        "etcd", "etcd", "--data-dir", cluster.home("etcd"), "--name", "etcd",
        "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
        "--initial-cluster", f"etcd={peer}", "--unsafe-no-fsync", "--logger", "zap",
        "--log-level", "warn",
    )  # fmt: skip
    cluster.start("etcd")
    cluster.wait(lambda: _url(cluster, "etcd", "health") != "", "etcd")


def _define(cluster: Cluster, node: str, *, synchronous: bool) -> None:
    home = cluster.home(node)
    ports = cluster.ports
    role = {"username": NAME, "password": cluster.password}
    config = {
        "scope": NAME,
        "name": node,
        # Without use_proxies Patroni asks etcd for another address.
        "etcd3": {"host": f"{HOST}:{ports[f'{node}-etcd-link']}", "use_proxies": True},
        "restapi": {
            "listen": f"{HOST}:{ports[f'{node}-rest']}",
            "connect_address": f"{HOST}:{ports[f'{node}-rest-link']}",
        },
        "bootstrap": {
            "dcs": {
                # Shorter than the defaults of 30, 10 and 10 seconds, so that tests are short.
                "ttl": 20,
                "loop_wait": 2,
                "retry_timeout": 5,
                "synchronous_mode": synchronous,
                "primary_stop_timeout": 5,
                "postgresql": {"use_pg_rewind": True},
            },
            "initdb": [
                "data-checksums",
                "no-sync",
                {"encoding": "UTF8"},
                {"locale": "C.UTF-8"},
                {"username": NAME},
                {"auth": "scram-sha-256"},
            ],
        },
        "postgresql": {
            "listen": f"{HOST}:{ports[node]}",
            "connect_address": f"{HOST}:{ports[f'{node}-postgres-link']}",
            "data_dir": str(home / "data"),
            "bin_dir": str(_bin_directory()),
            "pgpass": str(home / "pgpass"),
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
            "authentication": {"superuser": role, "replication": role, "rewind": role},
            "pg_hba": [
                f"host all all {HOST}/32 scram-sha-256",
                f"host replication all {HOST}/32 scram-sha-256",
            ],
            "parameters": {
                "unix_socket_directories": "",
                "max_connections": 200,
                # A COMMIT that waits for a lost standby, and the shutdown of a leader without
                # standbys, take no longer than that.
                "wal_sender_timeout": "5s",
                "wal_receiver_timeout": "5s",
                # A killed process leaves nothing outside its directory.
                "dynamic_shared_memory_type": "mmap",
                # Only processes end, not the machine: the kernel keeps the writes.
                "fsync": "off",
                "wal_log_hints": "on",
            },
        },
    }
    # JSON is YAML.
    file = cluster.write(home / "patroni.yml", json.dumps(config, indent=2))
    cluster.define(node, "patroni", file, pid_file=home / "data" / "postmaster.pid")


def _bin_directory() -> Path:
    # Some machines link single programs into another directory.
    return Path(find("initdb") or "").resolve().parent


def find_role(cluster: Cluster, node: str) -> str:
    """Return primary, standby or nothing."""
    for role in ("primary", "standby"):
        known = {"primary": "primary", "standby": "replica"}[role]
        if _url(cluster, f"{node}-rest", known):
            return role
    return ""


def is_complete(cluster: Cluster, *, synchronous: bool) -> bool:
    """Whether one node leads and the others replicate, one of them synchronously if wanted."""
    roles = sorted(find_role(cluster, node) for node in NODES)
    one_is_synchronous = any(_url(cluster, f"{node}-rest", "synchronous") for node in NODES)
    return roles == ["primary", "standby", "standby"] and (one_is_synchronous or not synchronous)


def _url(cluster: Cluster, port: str, path: str) -> str:
    """Return the answer to a GET; empty if it is an error."""
    try:
        with urlopen(f"http://{HOST}:{cluster.ports[port]}/{path}", timeout=3) as answer:
            return str(answer.read())
    except OSError:
        return ""
