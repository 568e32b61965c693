"""The processes of one cluster: start, kill, freeze and stop them by name.

Each process is stored with its id and start time, so that no other process is ever stopped.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packages import ScriptError, find
from processes import HOST, NAME, STATE, is_alive, start_time

TIMEOUT_SECONDS = 90


@dataclass(kw_only=True)
class Process:
    """A process, and the command that starts it again."""

    program: str
    arguments: list[str]
    pid_file: str = ""
    """Names a server that the program starts outside its own process group."""
    pid: int = 0
    since: str = ""

    @property
    def is_alive(self) -> bool:
        return is_alive(self.pid, self.since)

    def members(self) -> list[int]:
        """The process, the server of its pid file, and the descendants of both."""
        roots = [self.pid] if self.is_alive else []
        return [*_with_descendants(roots), *_with_descendants(self.server())]

    def server(self) -> list[int]:
        """The server of the pid file, if it runs."""
        if not self.pid_file or not Path(self.pid_file).exists():
            return []
        pid = int(Path(self.pid_file).read_text().split()[0])
        # The file of a killed server stays; its id may belong to another program by now.
        directory = Path(f"/proc/{pid}/cwd")
        runs = start_time(pid) != "" and directory.resolve() == Path(self.pid_file).parent
        return [pid] if runs else []


class Cluster:
    """The processes, ports and directory of one cluster, stored in a state file."""

    def __init__(self, engine: str, user: str) -> None:
        self.engine = engine
        self.user = user
        self.directory = Path(tempfile.mkdtemp(prefix=f"{NAME}-{engine}-"))
        self.password = secrets.token_hex(16)
        self.ports: dict[str, int] = {}
        self.processes: dict[str, Process] = {}
        self.exports: dict[str, str] = {}
        self._own(self.directory)
        self.save()

    @classmethod
    def load(cls, engine: str) -> Cluster | None:
        """Read the state of a cluster that this checkout has started."""
        file = _state_file(engine)
        known = json.loads(file.read_text()) if file.exists() else {}
        # A copy of the checkout must not use the clusters of the original.
        if known.pop("state_file", None) != str(file):
            return None
        cluster = object.__new__(cls)
        vars(cluster).update(known, directory=Path(known["directory"]))
        cluster.processes = {k: Process(**v) for k, v in known["processes"].items()}
        return cluster

    def save(self) -> None:
        file = _state_file(self.engine)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        processes = {name: asdict(process) for name, process in self.processes.items()}
        known = {**vars(self), "processes": processes, "state_file": str(file)}
        new = file.with_suffix(".new")
        new.write_text(json.dumps(known, default=str, indent=2))
        new.replace(file)

    def take_ports(self, *names: str) -> None:
        """Assign free ports below the range of outgoing connections.

        A node that was killed finds its ports free when it starts again.
        """
        free = (port for port in _shuffled(range(20000, 32000)) if _is_free(port))
        self.ports.update(zip(names, free, strict=False))
        self.save()

    def home(self, name: str) -> Path:
        home = self.directory / name
        home.mkdir(mode=0o700)
        self._own(home)
        return home

    def write(self, path: Path, text: str) -> Path:
        path.write_text(text)
        path.chmod(0o600)
        self._own(path)
        return path

    def run(self, program: str, *arguments: object) -> None:
        """Run a program to its end; its output goes to a log."""
        if self._popen(program, arguments, "commands").wait() != 0:
            raise ScriptError(f"{program} failed:\n{self.log('commands')}")

    def ask(self, program: str, *arguments: object) -> str:
        """Return the output of a program; empty if it failed."""
        child = self._popen(program, arguments, "commands", stdout=subprocess.PIPE)
        output = child.communicate()[0].decode()
        return output if child.returncode == 0 else ""

    def define(self, name: str, program: str, *arguments: object, pid_file: object = "") -> None:
        """Store the command of a process."""
        words = [str(item) for item in arguments]
        process = Process(program=program, arguments=words, pid_file=str(pid_file))
        self.processes[name] = process

    def start(self, name: str, *extra: str) -> None:
        """Start a process, with arguments for this start only."""
        process = self.processes[name]
        if process.is_alive:
            return
        child = self._popen(process.program, (*process.arguments, *extra), name)
        process.pid, process.since = child.pid, start_time(child.pid)
        self.save()

    def kill(self, name: str) -> None:
        """Kill a process and its descendants with SIGKILL."""
        _kill(_identify(self.processes[name].members()))

    def freeze(self, name: str) -> None:
        """Stop a process with SIGSTOP: its connections stay open and nothing is answered."""
        for pid in self.processes[name].members():
            _send(pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen process continue."""
        for pid in reversed(self.processes[name].members()):
            _send(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill all processes and remove the directory."""
        for name, process in self.processes.items():
            self.thaw(name)
            # Also the children that the end of their parent leaves behind.
            members, servers = _identify(process.members()), process.server()
            if process.is_alive:
                _send(process.pid, signal.SIGKILL)
            for server in servers:
                # PostgreSQL removes its shared memory in an immediate shutdown.
                _send(server, signal.SIGQUIT)
            _wait(lambda servers=servers: not any(map(start_time, servers)), 10)
            _kill(members)
        shutil.rmtree(self.directory, ignore_errors=True)
        _state_file(self.engine).unlink()

    def wait(self, is_ready: Callable[[], bool], what: str) -> None:
        """Wait for a state of the cluster; fail with the logs if it does not come."""
        _wait(lambda: is_ready() or self._has_failed(), TIMEOUT_SECONDS)
        if not is_ready():
            logs = [f"== {path.stem}\n{self.log(path.stem)}" for path in self._logs()]
            raise ScriptError("\n".join([f"no {what}", *logs]))

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")[-2000:]

    def export(self, **variables: str) -> None:
        self.exports.update({f"REFRESH_SESSIONS_{name}": v for name, v in variables.items()})
        self.save()

    def _has_failed(self) -> bool:
        started = (process for process in self.processes.values() if process.pid)
        return not all(process.is_alive for process in started)

    def _logs(self) -> list[Path]:
        return sorted(self.directory.glob("*.log"))

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, self.user, self.user)

    def _popen(
        self, program: str, arguments: Sequence[object], log: str, **options: Any
    ) -> subprocess.Popen[bytes]:
        identity: Mapping[str, object] = (
            # Database servers refuse to run as root.
            {"user": self.user, "group": self.user, "extra_groups": []}
            if os.geteuid() == 0
            else {}
        )
        # Some programs are written in Python, for the Python of the system.
        env = {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}
        passwords = dict.fromkeys(("PGPASSWORD", "MYSQL_PWD"), self.password)
        with (self.directory / f"{log}.log").open("ab") as output:
            return subprocess.Popen(
                [find(program) or program, *map(str, arguments)],
                **{"stdout": output, "stderr": output, **options},
                stdin=subprocess.DEVNULL,
                cwd=self.directory,
                env={**env, **passwords, "LC_ALL": "C.UTF-8", "HOME": str(self.directory)},
                start_new_session=True,
                **identity,
            )


def wait_until(is_done: Callable[[], bool], message: str) -> None:
    if not _wait(is_done, TIMEOUT_SECONDS):
        raise ScriptError(message)


def _wait(is_done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _state_file(engine: str) -> Path:
    return STATE.with_name(f"cluster-{engine}.json")


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # It has exited meanwhile.
        return


def _identify(pids: Sequence[int]) -> dict[int, str]:
    """The start time of each process."""
    return {pid: start_time(pid) for pid in pids}


def _kill(members: Mapping[int, str]) -> None:
    """Kill processes, parents first: a parent must not start the others again."""
    for pid, since in members.items():
        if is_alive(pid, since):
            _send(pid, signal.SIGKILL)
    wait_until(
        lambda: not any(is_alive(pid, since) for pid, since in members.items()),
        f"{sorted(members)} survived SIGKILL",
    )


def _with_descendants(roots: list[int]) -> list[int]:
    """These processes and their descendants, parents first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(roots)
    for pid in found:
        # The list grows while it is read.
        found.extend(children.get(pid, []))
    return found


def _shuffled(ports: range) -> list[int]:
    return random.sample(ports, len(ports))


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
