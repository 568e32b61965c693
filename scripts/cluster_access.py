"""HAProxy and PgBouncer in front of nodes, and links between nodes that can fail."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_processes import Cluster
from processes import HOST, NAME

_HAPROXY_DEFAULTS = """\
global
    maxconn 2000
defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h
    timeout check 2s
"""

# HAProxy notices a new leader after a second or two. Until then a former leader would answer with
# transactions that no standby has received. PgBouncer ignores an error of its connect_query, so
# the query ends the connection.
_REFUSE_STANDBY = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_is_in_recovery()"


def start_link(cluster: Cluster, name: str, target: int) -> None:
    """Start a TCP proxy from the port of this name to another port."""
    _start(cluster, name, [_section(cluster, name, [f"server target {HOST}:{target}"])])


def start_leader_proxy(cluster: Cluster, nodes: Sequence[str]) -> None:
    """Start HAProxy with a port to Patroni's leader and a port to its standbys."""
    roles = {"haproxy": "primary", "haproxy-standby": "replica"}
    sections = [
        _section(
            cluster,
            name,
            [
                f"option httpchk OPTIONS /{role}",
                "http-check expect status 200",
                # A connection to a former leader must not survive.
                "default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions",
                *(
                    f"server {node} {HOST}:{cluster.ports[node]}"
                    f" check port {cluster.ports[f'{node}-rest']}"
                    for node in nodes
                ),
            ],
        )
        for name, role in roles.items()
    ]
    _start(cluster, "haproxy", sections)


def start_rotating_proxy(cluster: Cluster, nodes: Sequence[str]) -> None:
    """Start HAProxy with a port that leads each connection to the next node."""
    servers = [f"server {node} {HOST}:{cluster.ports[node]}" for node in nodes]
    _start(cluster, "haproxy", [_section(cluster, "haproxy", ["balance roundrobin", *servers])])


def _section(cluster: Cluster, name: str, lines: Sequence[str]) -> str:
    head = (f"listen {name}", f"bind {HOST}:{cluster.ports[name]}")
    return "\n    ".join([*head, *lines]) + "\n"


def _start(cluster: Cluster, name: str, sections: Sequence[str]) -> None:
    file = cluster.write(cluster.directory / f"{name}.cfg", _HAPROXY_DEFAULTS + "".join(sections))
    cluster.define(name, "haproxy", "-db", "-f", file)
    cluster.start(name)


POOLED = "pooled"
"""The database of the names that lead to a node."""


def start_pgbouncer(cluster: Cluster, nodes: Sequence[str]) -> None:
    """Start PgBouncer in transaction mode, in front of HAProxy.

    Of the names ``NODE`` and ``NODE-unchecked``, which lead to one node, the second also accepts
    a standby.
    """
    users = cluster.write(
        cluster.directory / "pgbouncer.users", f'"{NAME}" "{cluster.password}"\n'
    )
    check = f"connect_query='{_REFUSE_STANDBY}'"
    text = "\n".join(
        [
            "[databases]",
            f"* = {_target(cluster, 'haproxy')} {check}",
            *(f"{node} = {_target(cluster, node)} dbname={POOLED} {check}" for node in nodes),
            *(f"{node}-unchecked = {_target(cluster, node)} dbname={POOLED}" for node in nodes),
            "[pgbouncer]",
            f"listen_addr = {HOST}",
            f"listen_port = {cluster.ports['pgbouncer']}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            "pool_mode = transaction",
            "default_pool_size = 20",
            "max_client_conn = 500",
            # Without a leader, a request gets an error in time for its answer.
            "query_wait_timeout = 5",
            "server_connect_timeout = 3",
            "server_login_retry = 1",
            # A broken connection is not given to another request.
            "server_check_delay = 0",
        ]
    )
    file = cluster.write(cluster.directory / "pgbouncer.ini", f"{text}\n")
    cluster.define("pgbouncer", "pgbouncer", file)
    cluster.start("pgbouncer")


def _target(cluster: Cluster, name: str) -> str:
    return f"host={HOST} port={cluster.ports[name]}"
