"""A server in a child process on the loopback address.

The child is ``python -m example_project.demo.server [port]``. It prints its port to the standard
output and serves until its standard input closes. So the server also stops when the parent is
killed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
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
from django.utils.module_loading import import_string

HOST: Final = "127.0.0.1"
ANY_PORT: Final = 0

_POLL: Final = 0.1
"""Seconds until a server notices that it has to stop."""

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
def running(
    settings_module: str, *, port: int = ANY_PORT, variables: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serve the example project with the given settings module and environment variables."""
    with _start(settings_module, port, variables or {}) as process:
        # At the end of the block Popen closes the pipes and waits for the child.
        yield _listening(process)


@contextmanager
def all_running(
    ports: Mapping[str, int], *, variables: Mapping[str, str]
) -> Iterator[dict[str, Server]]:
    """Serve with several settings modules, each on its port; the servers start together."""
    with ExitStack() as stack:
        processes = {
            module: stack.enter_context(_start(module, port, variables))
            for module, port in ports.items()
        }
        yield {module: _listening(process) for module, process in processes.items()}
        for process in processes.values():
            if process.stdin:
                # All servers stop before the first one is awaited.
                process.stdin.close()


def free_ports(number: int) -> list[int]:
    """Ports that are free now; servers that have to know each other start with them."""
    with ExitStack() as stack:
        probes = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for probe in probes:
            probe.bind((HOST, ANY_PORT))
        return [probe.getsockname()[1] for probe in probes]


def _start(settings_module: str, port: int, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(_CHECKOUT), os.environ.get("PYTHONPATH")]))
    own = {"DJANGO_SETTINGS_MODULE": settings_module, "PYTHONPATH": path}
    return subprocess.Popen(  # noqa: S603  (our own module, and a number)
        [sys.executable, "-m", __name__, str(port)],
        env={**os.environ, **variables, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _listening(process: subprocess.Popen[str]) -> Server:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ServerDidNotStartError
    return Server(port=int(line), wait=process.wait)


def serve(port: int) -> None:
    """Serve until the standard input closes, with one thread per request."""
    django.setup()
    if prepare := getattr(settings, "DEMO_PREPARE", None):
        import_string(prepare)()
    application = get_internal_wsgi_application()
    try:
        server = ThreadedWSGIServer((HOST, port), WSGIRequestHandler)
    except OSError as error:
        sys.exit(f"{HOST}:{port}: {error.strerror}")
    with server:
        server.set_app(StaticFilesHandler(application) if settings.DEBUG else application)
        thread = Thread(target=server.serve_forever, args=(_POLL,))
        thread.start()
        # Ctrl-C reaches the child as well; the parent then closes the pipe. The parent does not
        # read the port if another server has not started.
        with suppress(KeyboardInterrupt, BrokenPipeError):
            os.write(sys.stdout.fileno(), f"{server.server_port}\n".encode())
            sys.stdin.read()
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
