"""What stands before the servers in production: one address, and a list of who is behind it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class Front:
    """Hands each request to any of the servers; one that leaves finishes what it has begun."""

    def __init__(self) -> None:
        self._behind: list[int] = []
        self._busy: Counter[int] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"front": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, port: int) -> None:
        with self._lock:
            self._behind.append(port)

    def remove(self, port: int) -> None:
        """Send it no more requests, and wait for its last answer."""
        with self._lock:
            self._behind.remove(port)
        while self._busy[port]:
            time.sleep(0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> int:
        with self._lock:
            port = random.choice(self._behind)  # noqa: S311  (no secret)
            self._busy[port] += 1
            return port

    def give_back(self, port: int) -> None:
        with self._lock:
            self._busy[port] -= 1


class _Handler(BaseHTTPRequestHandler):
    front: Front

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = self.front.take()
        try:
            status, headers, content = self._ask(port, body)
        finally:
            self.front.give_back(port)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask(self, port: int, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        web = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {n: v for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP}
            web.request(self.command, self.path, body, headers)
            answer = web.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            web.close()

    do_GET = do_POST = _hand_on  # noqa: N815  (the names that the base class looks for)

    def log_message(self, *arguments: Any) -> None:
        pass
