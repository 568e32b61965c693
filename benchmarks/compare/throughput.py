"""Requests per second through gunicorn on the loopback interface, with a bounded client.

The client shares the processors with the server and the database. It sends a fixed number of
requests, in turns to the subject and to the baseline.
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
from benchmarks.compare.statistics import summarize

CONFIG_VARIABLE: Final = "BENCHMARKS_COMPARE_CONFIG"
"""Environment variable with the subject and the database of the server, as JSON."""

WORKERS: Final = 2
THREADS: Final = 2
CONNECTIONS: Final = 4

_ROOT: Final = Path(__file__).parent.parent.parent
_PATIENCE: Final = 60.0

Calls = Sequence[dict[str, Any]]


def measure_throughput(
    config: dict[str, Any], operations: Mapping[str, Sequence[Mapping[str, Calls]]]
) -> dict[str, Any]:
    """Requests per second of each operation.

    An operation has turns; a turn has the calls of the subject and of the baseline.
    """
    with _server(config) as port:
        return {name: _measure(port, turns) for name, turns in operations.items()}


def _measure(port: int, turns: Sequence[Mapping[str, Calls]]) -> dict[str, Any]:
    rates: dict[str, list[float]] = {"subject": [], "baseline": []}
    for number, turn in enumerate(turns):
        for side in rates if number % 2 else reversed(rates):
            rates[side].append(_send_all(port, turn[side]))
    # The first turn also opens the connections to the database.
    subject, baseline = rates["subject"][1:], rates["baseline"][1:]
    return {
        "subject": summarize(subject),
        "baseline": summarize(baseline),
        "ratio": summarize([one / other for one, other in zip(subject, baseline, strict=True)]),
    }


@contextmanager
def _server(config: dict[str, Any]) -> Iterator[int]:
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
        yield port
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
