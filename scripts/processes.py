"""Start processes in the background, identify them later, and stop them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from packages import ScriptError, find

STATE = Path(__file__).resolve().parent.parent / ".servers" / "state.json"
NAME = "refresh_sessions"
HOST = "127.0.0.1"
TIMEOUT_SECONDS = 60


class Servers:
    """The servers of one start: their directory, password, processes and variables."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"{NAME}-servers-"))
        # Each server runs as its own user, and must be able to enter its subdirectory.
        self.directory.chmod(0o711)
        self.password = secrets.token_hex(16)
        self.processes: list[tuple[str, int, str]] = []
        self.exports: dict[str, str] = {}
        self.save()

    def save(self) -> None:
        STATE.parent.mkdir(mode=0o700, exist_ok=True)
        # The path identifies the checkout: a copy must not use the servers of the original.
        owned = {**vars(self), "state_file": str(STATE)}
        STATE.write_text(json.dumps(owned, default=str, indent=2))

    def home(self, user: str) -> Path:
        home = self.directory / user
        home.mkdir(mode=0o700)
        return home

    def popen(self, user: str | None, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        root = os.geteuid() == 0
        log = (self.directory / f"{user or 'client'}.log").open("ab")
        if root and user:
            # PostgreSQL refuses to run as root; the other servers do not need root either.
            for path in (self.directory / user, *(self.directory / user).iterdir()):
                shutil.chown(path, user, user)
        identity = {"user": user, "group": user, "extra_groups": []} if root and user else {}
        passwords = dict.fromkeys(("PGPASSWORD", "MYSQL_PWD", "REDISCLI_AUTH"), self.password)
        with log:
            return subprocess.Popen(
                [find(program) or program, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, **passwords, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                **identity,
            )

    def run(self, user: str | None, program: str, *arguments: object) -> None:
        if self.popen(user, program, *arguments).wait() != 0:
            log = self.directory / f"{user or 'client'}.log"
            raise ScriptError(f"{program} failed:\n{log.read_text(errors='replace')[-2000:]}")

    def serve(self, user: str, program: str, *arguments: object) -> None:
        process = self.popen(user, program, *arguments)
        self.processes.append((program, process.pid, start_time(process.pid)))
        self.save()

    def wait(self, program: str, *arguments: object) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.popen(None, program, *arguments).wait() != 0:
            if time.monotonic() > deadline or not is_alive(*self.processes[-1][1:]):
                server = self.processes[-1][0]
                logs = "\n".join(p.read_text()[-2000:] for p in self.directory.glob("*.log"))
                raise ScriptError(f"{server} does not respond:\n{logs}")
            time.sleep(0.1)

    def export(self, **variables: str) -> None:
        self.exports.update({f"REFRESH_SESSIONS_{name}": v for name, v in variables.items()})
        self.save()

    def address(self, port: int, user: str = NAME) -> str:
        return f"{user}:{self.password}@{HOST}:{port}"


def start_time(pid: int) -> str:
    """The start time of a process, which distinguishes reused ids; empty if it has exited."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def is_alive(pid: int, since: str) -> bool:
    return since != "" and start_time(pid) == since


def stop_process(program: str, pid: int, since: str) -> None:
    # After SIGTERM, PostgreSQL waits until all clients disconnect.
    first = signal.SIGINT if program == "postgres" else signal.SIGTERM
    for number in (first, signal.SIGKILL):
        deadline = time.monotonic() + TIMEOUT_SECONDS / 3
        if is_alive(pid, since):
            os.kill(pid, number)
        while is_alive(pid, since) and time.monotonic() < deadline:
            time.sleep(0.05)
