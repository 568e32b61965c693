"""A server in a process of its own, on loopback, that ends with the process that wants it.

The child is ``python -m example_project.demo.server [port]``. It says on standard output which
port it listens on, and serves until its standard input ends: however suddenly the parent dies,
no server is left behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

import django
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import (
    ThreadedWSGIServer,
    WSGIRequestHandler,
    get_internal_wsgi_application,
)

HOST: Final = "127.0.0.1"
ANY_PORT: Final = 0

_CHECKOUT: Final = Path(__file__).resolve().parents[2]


class ServerDidNotStartError(Exception):
    """The child has ended before it listened; it says why on standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that answers."""

    port: int
    wait: Callable[[], object]
    """Returns when the server has ended by itself, which it should not."""

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"


@contextmanager
def running(settings_module: str, *, port: int = ANY_PORT) -> Iterator[Server]:
    """Serve the example project with these settings."""
    path = os.pathsep.join(filter(None, [str(_CHECKOUT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(  # noqa: S603  (our own module, and a number)
        [sys.executable, "-m", __name__, str(port)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": settings_module, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # Popen closes both ends of the pipes when the block is left, and waits for the child.
        said = process.stdout.readline() if process.stdout else ""
        if not said:
            raise ServerDidNotStartError
        yield Server(port=int(said), wait=process.wait)


def serve(port: int) -> None:
    """Serve until standard input ends. Every request has a thread of its own."""
    django.setup()
    application = get_internal_wsgi_application()
    try:
        server = ThreadedWSGIServer((HOST, port), WSGIRequestHandler)
    except OSError as error:
        sys.exit(f"{HOST}:{port}: {error.strerror}")
    with server:
        server.set_app(StaticFilesHandler(application) if settings.DEBUG else application)
        thread = Thread(target=server.serve_forever)
        thread.start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        # Ctrl-C reaches every process of the terminal; the parent closes the pipe then.
        with suppress(KeyboardInterrupt):
            sys.stdin.read()
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
