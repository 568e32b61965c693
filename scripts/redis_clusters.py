"""Throw-away Redis servers, a Sentinel group and a Redis Cluster on the loopback address.

For tests: each is a context manager. Data is in a new temporary directory. Each process is stored
with its start time, so that no other process is ever stopped.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packages import ScriptError, find
from processes import HOST, NAME, is_alive, start_time, stop_process

PROGRAM = "redis-server"
TIMEOUT_SECONDS = 30
MASTER_NAME = "main"
DOWN_AFTER_MS = 1000
"""How long a primary is unreachable before the sentinels replace it."""


@dataclass
class Server:
    """One server process on a port that stays the same over restarts."""

    home: Path
    port: int
    password: str
    options: dict[str, str] = field(default_factory=dict)
    mode: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    since: str = ""

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @property
    def is_alive(self) -> bool:
        return self.process is not None and is_alive(self.process.pid, self.since)

    def start(self) -> None:
        """Start the server, and wait until it responds."""
        config = self.home / "redis.conf"
        if not config.exists():
            # Sentinels write to their file, which must survive a restart.
            lines = [f"{name} {value}" for name, value in self._settings().items()]
            config.write_text("\n".join(lines) + "\n")
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_ending_with_parent(), find(PROGRAM) or PROGRAM, config, *self.mode],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )
        self.since = start_time(self.process.pid)
        wait_until(lambda: "PONG" in self.ask("ping"), f"{PROGRAM} does not respond: {self.log()}")

    def ask(self, *command: str) -> str:
        """Return the output of ``redis-cli``; empty if the server does not respond."""
        done = subprocess.run(
            ["redis-cli", "-e", "-h", HOST, "-p", str(self.port), *command],
            env={**os.environ, "REDISCLI_AUTH": self.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def kill(self) -> None:
        """Kill the server with SIGKILL, and wait for its end."""
        self._send(signal.SIGKILL)
        self._wait()

    def freeze(self) -> None:
        """Stop the process with SIGSTOP: connections stay open without a response."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process continue."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """End the process, frozen or not."""
        if self.process is not None and self.is_alive:
            self.thaw()
            stop_process(PROGRAM, self.process.pid, self.since)
        self._wait()

    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")[-2000:]

    def _send(self, number: signal.Signals) -> None:
        if self.process is not None and self.is_alive:
            os.kill(self.process.pid, number)

    def _wait(self) -> None:
        if self.process is not None:
            self.process.wait(TIMEOUT_SECONDS)

    def _settings(self) -> Mapping[str, str]:
        return {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.home),
            "requirepass": self.password,
            "save": '""',
            **self.options,
        }


@dataclass
class Group:
    """The servers of one group."""

    servers: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)

    @property
    def password(self) -> str:
        return self.servers[0].password

    def primary(self) -> Server:
        """The server that the first responding sentinel names as the primary."""
        for sentinel in self.sentinels:
            answer = sentinel.ask("sentinel", "get-master-addr-by-name", MASTER_NAME).split()
            for server in self.servers:
                if answer[1:] == [str(server.port)]:
                    return server
        raise ScriptError("no sentinel names a primary")


@contextmanager
def standalone(**options: str) -> Iterator[Server]:
    """One server; keyword arguments are directives, with underscores for hyphens."""
    with _directory() as directory:
        (server,) = _servers(directory, "server", 1)
        server.options = {name.replace("_", "-"): value for name, value in options.items()}
        with _running([server]):
            yield server


@contextmanager
def sentinel_group(*, replicas: int = 2, sentinels: int = 3) -> Iterator[Group]:
    """A primary, replicas, and sentinels that replace the primary when it fails."""
    with _directory() as directory:
        servers = _servers(directory, "server", 1 + replicas)
        primary = servers[0]
        watchers = _servers(directory, "sentinel", sentinels, password=primary.password)
        for server in servers:
            server.options = {
                "masterauth": server.password,
                "repl-diskless-sync-delay": "0",
                "repl-timeout": "5",
            }
        for server in servers[1:]:
            server.options["replicaof"] = f"{HOST} {primary.port}"
        for watcher in watchers:
            watcher.mode = ("--sentinel",)
            watcher.options = {
                "sentinel monitor": f"{MASTER_NAME} {HOST} {primary.port} {sentinels // 2 + 1}",
                "sentinel auth-pass": f"{MASTER_NAME} {primary.password}",
                "sentinel down-after-milliseconds": f"{MASTER_NAME} {DOWN_AFTER_MS}",
                "sentinel failover-timeout": f"{MASTER_NAME} 3000",
                "sentinel sentinel-pass": watcher.password,
            }
        with _running([*servers, *watchers]):
            group = Group(servers, watchers)
            wait_until(lambda: _is_complete(group), "the sentinels do not know each other")
            yield group


@contextmanager
def cluster(*, nodes: int = 3) -> Iterator[Group]:
    """A Redis Cluster without replicas: the slots of a killed node are down."""
    with _directory() as directory:
        servers = _servers(directory, "node", nodes)
        bus_ports = _free_ports(nodes)
        for server, bus_port in zip(servers, bus_ports, strict=True):
            server.options = {
                "cluster-enabled": "yes",
                "cluster-port": str(bus_port),
                "cluster-node-timeout": "1000",
                "cluster-require-full-coverage": "no",
                "masterauth": server.password,
            }
        with _running(servers):
            addresses = [f"{HOST}:{server.port}" for server in servers]
            servers[0].ask("--cluster", "create", *addresses, "--cluster-yes")
            wait_until(
                lambda: all("cluster_state:ok" in s.ask("cluster", "info") for s in servers),
                "the cluster is not complete",
            )
            yield Group(servers)


def wait_until(condition: Callable[[], object], failure: str) -> None:
    """Wait until a condition is true.

    Raises:
        ScriptError: it is still false after ``TIMEOUT_SECONDS``.

    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ScriptError(failure)
        time.sleep(0.05)


@contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix=f"{NAME}-redis-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(servers: list[Server]) -> Iterator[None]:
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()


def _ending_with_parent() -> list[str]:
    """A prefix for a command that ends when its parent is killed, where there is one."""
    program = find("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []


def _servers(
    directory: Path, kind: str, count: int, *, password: str | None = None
) -> list[Server]:
    password = password or secrets.token_hex(16)
    servers = []
    for number, port in enumerate(_free_ports(count)):
        home = directory / f"{kind}-{number}"
        home.mkdir()
        servers.append(Server(home, port, password))
    return servers


def _is_complete(group: Group) -> bool:
    others, replicas = len(group.sentinels) - 1, len(group.servers) - 1
    for sentinel in group.sentinels:
        lines = sentinel.ask("sentinel", "master", MASTER_NAME).split("\n")
        state = dict(zip(lines[::2], lines[1::2], strict=False))
        found = (state.get("num-other-sentinels"), state.get("num-slaves"))
        if found != (str(others), str(replicas)):
            return False
    return all("master_link_status:up" in s.ask("info", "replication") for s in group.servers[1:])


def _free_ports(count: int) -> list[int]:
    """Ports below the range of outgoing connections: they stay free while a server is down."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)  # noqa: S311  (no secret)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False
