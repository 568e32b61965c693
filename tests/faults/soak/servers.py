"""A gunicorn that can be killed at any moment, in part or whole."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.soaking.wire import HOST

CHECKOUT = Path(__file__).resolve().parents[3]
WORKERS = 3
THREADS = 6
PATIENCE = 30.0


class Gunicorn:
    """The server, always on the same port."""

    def __init__(self, directory: Path, env: dict[str, str]) -> None:
        self.directory = directory
        self.env = env
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "gunicorn.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                [sys.executable, "-m", "gunicorn", *self._arguments()],
                cwd=CHECKOUT,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                # A group of its own, which can be killed at once.
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"gunicorn does not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def _arguments(self) -> list[str]:
        return [
            "example_project.wsgi:application",
            # A worker that takes another's place is there at once.
            "--preload",
            "--no-control-socket",
            f"--bind={HOST}:{self.port}",
            f"--workers={WORKERS}",
            "--worker-class=gthread",
            f"--threads={THREADS}",
        ]

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def kill_worker(self, chance: random.Random) -> None:
        """SIGKILL one of the workers; the master starts another."""
        if workers := self._workers():
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL master and workers."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _workers(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]


def free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        return int(free.getsockname()[1])
