"""Processes that share one token file, lose answers, and are killed at random points.

    python -m tests.python_client.workers URL TOKEN_FILE LOG_FILE KILLS LOSS SEED [KEY_FILE]

With a key file, they use DPoP. Before each of KILLS kills, at least one request is answered. The
log has one line per request: a status or a code.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import httpx

from refresh_sessions.client import FileStorage, RetryPolicy, SessionAuth, SessionAuthError

WORKERS = 4

LONGEST_WAIT = 5.0

REFRESHES = 0.1
"""The share of requests with a refresh before it."""


class LossyTransport(httpx.HTTPTransport):
    """Loses answers after the server has sent them."""

    def __init__(self, loss: float, draw: random.Random) -> None:
        # Loading certificates would take most of the time.
        super().__init__(verify=False)
        self._loss, self._draw = loss, draw

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if self._draw.random() < self._loss:
            response.close()
            raise httpx.ReadError("lost", request=request)
        return response


@dataclass(frozen=True, slots=True)
class Task:
    """What each worker does."""

    url: str
    token_file: str
    log_file: str
    loss: float
    key_file: str | None


def work(task: Task, draw: random.Random) -> None:
    """Call a view until the process is killed, or its parent has ended."""
    parent = os.getppid()
    auth = SessionAuth(
        f"{task.url}/auth/",
        storage=FileStorage(task.token_file),
        dpop=task.key_file,
        retry=RetryPolicy(attempts=8, min_interval=0.05),
        open_client=lambda: httpx.Client(transport=LossyTransport(task.loss, draw)),
    )
    log = os.open(task.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    # On a kept connection, Django's development server answers 40 ms later.
    headers = {"Connection": "close"}
    transport = httpx.HTTPTransport(verify=False)
    with httpx.Client(
        base_url=task.url, auth=auth, headers=headers, timeout=30, transport=transport
    ) as web:
        while os.getppid() == parent:
            try:
                if draw.random() < REFRESHES:
                    auth.refresh()
                outcome = str(web.get("/who-am-i/").status_code)
            except SessionAuthError as error:
                outcome = error.code
            os.write(log, f"{outcome}\n".encode())
            time.sleep(0.02)


def start(task: Task, draw: random.Random) -> int:
    """Fork one worker; return its process id."""
    seed = draw.random()
    pid = os.fork()
    if pid == 0:
        try:
            work(task, random.Random(seed))  # noqa: S311
        except BaseException:  # noqa: BLE001 - a forked process must not return
            traceback.print_exc()
        os._exit(1)
    return pid


def wait_for_request(log: Path, size: int) -> int:
    """Wait until the log is longer than ``size``; return its size."""
    deadline = time.monotonic() + LONGEST_WAIT
    while log.stat().st_size == size and time.monotonic() < deadline:
        time.sleep(0.01)
    return log.stat().st_size


def main(
    url: str,
    token_file: str,
    log_file: str,
    kills: str,
    loss: str,
    seed: str,
    key_file: str | None = None,
) -> None:
    """Keep the workers running, and kill one after the other."""
    draw = random.Random(int(seed))  # noqa: S311

    task = Task(url, token_file, log_file, float(loss), key_file)
    Path(log_file).touch()
    workers = [start(task, draw) for _ in range(WORKERS)]
    size = 0
    for _ in range(int(kills)):
        size = wait_for_request(Path(log_file), size)
        time.sleep(draw.uniform(0.01, 0.3))
        killed = workers.pop(0)
        os.kill(killed, signal.SIGKILL)
        os.waitpid(killed, 0)
        workers.append(start(task, draw))
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
