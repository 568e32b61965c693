"""A server in a child process on the loopback address.

The child is ``python -m example_project.demo.server [port]``. It prints its port to the standard
output and serves until its standard input closes. So the server also stops when the parent is
killed.
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
    """The child process has exited before it listened; the standard error has the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    port: int
    wait: Callable[[], object]
    """Wait until the server exits by itself, which is an error."""

    @property
    def address(self) -> str:
        """The base URL."""
        return f"http://{HOST}:{self.port}"


@contextmanager
def running(settings_module: str, *, port: int = ANY_PORT) -> Iterator[Server]:
    """Serve the example project with the given settings module."""
    path = os.pathsep.join(filter(None, [str(_CHECKOUT), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(  # noqa: S603  (our own module, and a number)
        [sys.executable, "-m", __name__, str(port)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": settings_module, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # At the end of the block Popen closes the pipes and waits for the child.
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise ServerDidNotStartError
        yield Server(port=int(line), wait=process.wait)


def serve(port: int) -> None:
    """Serve until the standard input closes, with one thread per request."""
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
        # Ctrl-C reaches the child as well; the parent then closes the pipe.
        with suppress(KeyboardInterrupt):
            sys.stdin.read()
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
