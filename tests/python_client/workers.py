"""Processes that share one token file, lose answers, and are killed at random points.

    python -m tests.python_client.workers URL TOKEN_FILE LOG_FILE KILLS LOSS SEED

Before each of KILLS kills, at least one request is answered. The log has one line per request: a
status or a code.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
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


def work(url: str, token_file: str, log_file: str, loss: float, draw: random.Random) -> None:
    """Call a view until the process is killed, or its parent has ended."""
    parent = os.getppid()
    auth = SessionAuth(
        f"{url}/auth/",
        storage=FileStorage(token_file),
        retry=RetryPolicy(attempts=8, min_interval=0.05),
        open_client=lambda: httpx.Client(transport=LossyTransport(loss, draw)),
    )
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    # On a kept connection, Django's development server answers 40 ms later.
    headers = {"Connection": "close"}
    with httpx.Client(base_url=url, auth=auth, headers=headers, timeout=30, verify=False) as web:  # noqa: S501
        while os.getppid() == parent:
            try:
                if draw.random() < REFRESHES:
                    auth.refresh()
                outcome = str(web.get("/who-am-i/").status_code)
            except SessionAuthError as error:
                outcome = error.code
            os.write(log, f"{outcome}\n".encode())
            time.sleep(0.02)


def start(url: str, token_file: str, log_file: str, loss: float, draw: random.Random) -> int:
    """Fork one worker; return its process id."""
    seed = draw.random()
    pid = os.fork()
    if pid == 0:
        try:
            work(url, token_file, log_file, loss, random.Random(seed))  # noqa: S311
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


def main(url: str, token_file: str, log_file: str, kills: str, loss: str, seed: str) -> None:
    """Keep the workers running, and kill one after the other."""
    draw = random.Random(int(seed))  # noqa: S311

    def start_one() -> int:
        return start(url, token_file, log_file, float(loss), draw)

    Path(log_file).touch()
    workers = [start_one() for _ in range(WORKERS)]
    size = 0
    for _ in range(int(kills)):
        size = wait_for_request(Path(log_file), size)
        time.sleep(draw.uniform(0.01, 0.3))
        killed = workers.pop(0)
        os.kill(killed, signal.SIGKILL)
        os.waitpid(killed, 0)
        workers.append(start_one())
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
