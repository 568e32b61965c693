"""The tests' project under uvicorn, in a thread of the test process, and clients on sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from threading import Thread
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler

uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")

HOST = "127.0.0.1"
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Response of the server."""

    status: int
    body: Any


@contextmanager
def uvicorn_server() -> Iterator[int]:
    """Serve the project of the present settings; yield the port."""
    with socket.create_server((HOST, 0), backlog=1024) as listening:
        config = uvicorn.Config(
            ASGIHandler(), http="h11", ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(TIMEOUT)
            assert not thread.is_alive()


def send(
    port: int, path: str, *, access: str = "", body: dict[str, Any] | None = None
) -> socket.socket:
    """Send one request, a POST if it has a body; return the open connection."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
        f"Host: {HOST}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    if access:
        lines.append(f"Authorization: Bearer {access}")
    connection = socket.create_connection((HOST, port), timeout=TIMEOUT)
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
    return connection


def receive(connection: socket.socket) -> Answer:
    """Read the response until the server closes the connection."""
    with connection, read_head(connection) as response:
        content = response.read()
    return Answer(response.status, json.loads(content) if content else None)


def read_head(connection: socket.socket) -> HTTPResponse:
    """Read the status and headers; the body may be endless."""
    response = HTTPResponse(connection)
    response.begin()
    return response


def ask(port: int, path: str, **request: Any) -> Answer:
    """Send one request and read its response."""
    return receive(send(port, path, **request))
