"""Several server processes on the database of a running test, and clients of theirs."""

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

from tests.races import keeper

HOST = "127.0.0.1"
WORKERS = 4
LONGEST_REQUEST = 60.0

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    body: dict[str, Any]
    worker: str


@contextmanager
def gunicorn() -> Iterator[int]:
    """Serve the tests' project from several processes, and yield the port."""
    # The socket listens before anybody serves it: no other program can take the port, and
    # nobody has to ask again and again whether the server is there.
    with socket.create_server((HOST, 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        descriptor = listening.fileno()
        with subprocess.Popen(  # noqa: S603  (our own command)
            [sys.executable, "-m", keeper.__name__, str(descriptor), *_command(descriptor)],
            cwd=CHECKOUT,
            env={**os.environ, **_environment()},
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
        ) as process:
            try:
                yield port
            finally:
                process.communicate(timeout=2 * keeper.PATIENCE_SECONDS)


def _command(descriptor: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "tests.races.wsgi:application"),
        *("--bind", f"fd://{descriptor}", "--workers", str(WORKERS), "--worker-class", "sync"),
        *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
        # Loaded once: no process is ready long before the others and answers all there is.
        "--preload",
    ]


def _environment() -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.races.served",
        "REFRESH_SESSIONS_SERVED_DATABASE": str(connection.settings_dict["NAME"]),
        # Whatever warnings the server has to give are its own.
        "PYTHONWARNINGS": "",
        "PYTHONDEVMODE": "",
    }


def ask(
    port: int, method: str, path: str, body: dict[str, Any] | None = None, *, access: str = ""
) -> Answer:
    """Send one request over a connection of its own."""
    web = HTTPConnection(HOST, port, timeout=LONGEST_REQUEST)
    headers = {"Content-Type": "application/json"}
    if access:
        headers["Authorization"] = f"Bearer {access}"
    try:
        web.request(method, path, json.dumps(body or {}), headers)
        response = web.getresponse()
        content = response.read()
        # A page of HTML is as much of a failure as the status that comes with it.
        said = json.loads(content) if content else {}
        return Answer(response.status, said, response.headers["X-Worker"])
    finally:
        web.close()
