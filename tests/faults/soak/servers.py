"""A gunicorn server that can be killed in part or as a whole."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.soak.http_client import HOST

CHECKOUT = Path(__file__).resolve().parents[3]
START_TIMEOUT = 30.0


class Gunicorn:
    """The server on a fixed port."""

    def __init__(
        self, directory: Path, env: dict[str, str], *, workers: int = 3, threads: int = 6
    ) -> None:
        self.directory = directory
        self.env = env
        self.workers = workers
        self.threads = threads
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / f"gunicorn-{self.port}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                [sys.executable, "-m", "gunicorn", *self._arguments()],
                cwd=CHECKOUT,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                # A process group of its own, for a single kill.
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"gunicorn does not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def _arguments(self) -> list[str]:
        return [
            "example_project.wsgi:application",
            # A replacement worker is ready immediately.
            "--preload",
            "--no-control-socket",
            f"--bind={HOST}:{self.port}",
            f"--workers={self.workers}",
            "--worker-class=gthread",
            f"--threads={self.threads}",
        ]

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def kill_worker(self, rng: random.Random) -> None:
        """Kill one worker with SIGKILL; the master starts another."""
        if workers := self._workers():
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)

    def kill(self) -> None:
        """Kill master and workers with SIGKILL."""
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
