"""Load balancer: one address in load_balancer of several servers."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class LoadBalancer:
    """Forwards each request to a random server; a removed server finishes its requests."""

    def __init__(self) -> None:
        self._ports: list[int] = []
        self._busy: Counter[int] = Counter()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"load_balancer": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, port: int) -> None:
        with self._lock:
            self._ports.append(port)

    def remove(self, port: int) -> None:
        """Send the server no more requests and wait for its last answer."""
        with self._lock:
            self._ports.remove(port)
        while self._busy[port]:
            time.sleep(0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def acquire(self) -> int:
        with self._lock:
            port = random.choice(self._ports)  # noqa: S311  (no secret)
            self._busy[port] += 1
            return port

    def release(self, port: int) -> None:
        with self._lock:
            self._busy[port] -= 1


class _Handler(BaseHTTPRequestHandler):
    load_balancer: LoadBalancer

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = self.load_balancer.acquire()
        try:
            status, headers, content = self._ask(port, body)
        finally:
            self.load_balancer.release(port)
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

    do_GET = do_POST = _forward  # noqa: N815  (names of the base class)

    def log_message(self, *arguments: Any) -> None:
        pass
