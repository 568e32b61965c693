"""TCP proxy between Django and its database that breaks at a chosen statement.

When a message of the client contains the chosen words, the proxy closes both connections: before
the server receives the statement, or after the server has answered. The reaction is that of the
real driver and server.
"""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from django.db import connection, connections

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
CHUNK = 1 << 16


@dataclass(kw_only=True)
class Cut:
    """Where the proxy closes the connections, and how often."""

    words: bytes
    answered: bool
    """The server has executed the statement; only its answer is lost."""
    times: int = 1
    done: int = 0

    def is_due(self, chunk: bytes) -> bool:
        if self.done >= self.times or self.words not in chunk:
            return False
        self.done += 1
        return True


@dataclass
class Proxy:
    """Listens on a free port and forwards to the server."""

    target: tuple[str, int]
    cut: Cut | None = None
    _listener: socket.socket = field(default_factory=lambda: socket.create_server((HOST, 0)))
    _stopped: Event = field(default_factory=Event)
    _threads: list[Thread] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        self._run(self._accept)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _run(self, work, *args) -> None:
        thread = Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            if select.select([self._listener], [], [], POLL_SECONDS)[0]:
                self._run(self._carry, self._listener.accept()[0])

    def _carry(self, client: socket.socket) -> None:
        with closing(client), closing(socket.create_connection(self.target)) as server:
            other = {client: server, server: client}
            # The end of either connection ends the other.
            with suppress(ConnectionError):
                while not self._stopped.is_set():
                    for end in select.select([client, server], [], [], POLL_SECONDS)[0]:
                        chunk = end.recv(CHUNK)
                        if not chunk or (end is client and self._breaks(chunk, server)):
                            return
                        other[end].sendall(chunk)

    def _breaks(self, chunk: bytes, server: socket.socket) -> bool:
        if self.cut is None or not self.cut.is_due(chunk):
            return False
        if self.cut.answered:
            server.sendall(chunk)
            # The server answers after the change; the answer is discarded.
            server.recv(CHUNK)
        return True


@contextmanager
def through_proxy() -> Iterator[Proxy]:
    """Connect Django's default database through a proxy."""
    settings = connections["default"].settings_dict
    before = {key: settings[key] for key in ("HOST", "PORT")}
    proxy = Proxy((settings["HOST"], int(settings["PORT"])))
    with ExitStack() as stack:
        stack.callback(proxy.stop)
        stack.callback(connection.close)
        stack.callback(settings.update, before)
        proxy.start()
        connection.close()
        settings.update(HOST=HOST, PORT=proxy.port)
        connection.ensure_connection()
        yield proxy
