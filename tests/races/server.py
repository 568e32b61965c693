"""Server processes on the database of a running test, and an HTTP client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.db import connection

from tests.races import supervisor

HOST = "127.0.0.1"
WORKERS = 4
LONGEST_REQUEST = 60.0

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """Response of a server."""

    status: int
    body: dict[str, Any]
    worker: str


@contextmanager
def gunicorn(workers: int = WORKERS, /, **variables: str) -> Iterator[int]:
    """Serve the tests' project with several processes; yield the port.

    Keyword arguments are further environment variables of the servers.
    """
    # The socket listens before the servers start: no other program can take the port, and clients
    # need not poll.
    with socket.create_server((HOST, 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        descriptor = listening.fileno()
        with subprocess.Popen(  # noqa: S603  (our own command)
            [
                *(sys.executable, "-m", supervisor.__name__, str(descriptor)),
                *_command(descriptor, workers),
            ],
            cwd=CHECKOUT,
            env={**os.environ, **_environment(), **variables},
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
        ) as process:
            try:
                yield port
            finally:
                process.communicate(timeout=2 * supervisor.STOP_TIMEOUT)


def _command(descriptor: int, workers: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "tests.races.wsgi:application"),
        *("--bind", f"fd://{descriptor}", "--workers", str(workers), "--worker-class", "sync"),
        *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
        # Load the project once, so that all workers are ready at the same time.
        "--preload",
    ]


def _environment() -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.races.server_settings",
        "REFRESH_SESSIONS_SERVED_DATABASE": str(connection.settings_dict["NAME"]),
        # Warnings of the server must not become errors.
        "PYTHONWARNINGS": "",
        "PYTHONDEVMODE": "",
    }


def ask(
    port: int, method: str, path: str, body: dict[str, Any] | None = None, *, access: str = ""
) -> Answer:
    """Send one request over a new connection."""
    web = HTTPConnection(HOST, port, timeout=LONGEST_REQUEST)
    headers = {"Content-Type": "application/json"}
    if access:
        headers["Authorization"] = f"Bearer {access}"
    try:
        web.request(method, path, json.dumps(body or {}), headers)
        response = web.getresponse()
        content = response.read()
        # An HTML page raises an error here.
        content_json = json.loads(content) if content else {}
        return Answer(response.status, content_json, response.headers["X-Worker"])
    finally:
        web.close()
