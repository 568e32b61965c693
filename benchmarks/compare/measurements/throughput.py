"""Requests through gunicorn on the loopback interface, with a bounded client.

The client sends a fixed number of requests, in turns to the subject and to the baseline. Requests
per second depend on everything that runs on the machine. The CPU time of the server's processes
does not.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.calls import HOST, USER_AGENT
from benchmarks.compare.output.statistics import summarize

CONFIG_VARIABLE: Final = "BENCHMARKS_COMPARE_CONFIG"
"""Environment variable with the subject and the database of the server, as JSON."""

WORKERS: Final = 2
THREADS: Final = 2
CONNECTIONS: Final = 4

_ROOT: Final = Path(__file__).parent.parent.parent.parent
_PATIENCE: Final = 60.0

Calls = Sequence[dict[str, Any]]


def measure_throughput(
    config: dict[str, Any], operations: Mapping[str, Sequence[Mapping[str, Calls]]]
) -> dict[str, Any]:
    """Requests per second and CPU time of each operation.

    An operation has turns; a turn has the calls of the subject and of the baseline.
    """
    with _server(config) as server:
        return {name: _measure(server, turns) for name, turns in operations.items()}


class Server:
    """A running gunicorn."""

    def __init__(self, pid: int, port: int) -> None:
        self.port = port
        self._children = Path(f"/proc/{pid}/task/{pid}/children")

    def cpu_nanoseconds(self) -> int | None:
        """The CPU time of all threads of the worker processes; None if the kernel hides it."""
        if not self._children.exists():
            return None
        pids = self._children.read_text("ascii").split()
        files = (file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(file.read_text("ascii").split()[0]) for file in files)


def _measure(server: Server, turns: Sequence[Mapping[str, Calls]]) -> dict[str, Any]:
    rates: dict[str, list[float]] = {"subject": [], "baseline": []}
    costs: dict[str, list[float | None]] = {"subject": [], "baseline": []}
    for number, turn in enumerate(turns):
        for side in rates if number % 2 else reversed(rates):
            before = server.cpu_nanoseconds()
            rates[side].append(_send_all(server.port, turn[side]))
            after = server.cpu_nanoseconds()
            used = None if before is None or after is None else (after - before) / len(turn[side])
            costs[side].append(used)
    return {
        "rate": _summarize_turns(rates["subject"], rates["baseline"]),
        "cpu": _summarize_turns(costs["subject"], costs["baseline"]),
    }


def _summarize_turns(
    subject: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, Any] | None:
    # The first turn also opens the connections to the database.
    pairs = [(a, b) for a, b in zip(subject[1:], baseline[1:], strict=True) if a and b]
    if not pairs:
        return None
    return {
        "subject": summarize([one for one, _ in pairs]),
        "ratio": summarize([one / other for one, other in pairs]),
    }


@contextmanager
def _server(config: dict[str, Any]) -> Iterator[Server]:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
    options = f"--workers {WORKERS} --threads {THREADS} --log-level error --graceful-timeout 1"
    process = subprocess.Popen(  # noqa: S603  (this package)
        [
            *(sys.executable, "-m", "gunicorn", "benchmarks.compare.wsgi:application"),
            *("--bind", f"127.0.0.1:{port}", *options.split()),
        ],
        cwd=_ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "PYTHONWARNINGS": "ignore",
            CONFIG_VARIABLE: json.dumps(config),
        },
    )
    try:
        _wait_for(port, process)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("gunicorn did not start")


def _send_all(port: int, calls: Calls) -> float:
    """Send the calls over a few connections; return requests per second."""
    shares = [calls[start::CONNECTIONS] for start in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        began = time.perf_counter()
        for statuses in pool.map(lambda share: _send(port, share), shares):
            if any(status != 200 for status in statuses):  # noqa: PLR2004  (OK)
                raise RuntimeError(f"answers: {sorted(set(statuses))}")
        return len(calls) / (time.perf_counter() - began)


def _send(port: int, calls: Calls) -> list[int]:
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    statuses = []
    try:
        for call in calls:
            headers = {
                "Host": HOST,
                "User-Agent": USER_AGENT,
                "X-Forwarded-Proto": "https",
                **call["headers"],
            }
            connection.request(call["method"], call["path"], call["body"], headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
    finally:
        connection.close()
    return statuses
