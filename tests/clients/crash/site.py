"""One origin with a page and a server for each transport."""

from __future__ import annotations

import json
import queue
import threading
from collections import defaultdict
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.interop.load_balancer import HOP_BY_HOP
from tests.interop.processes import Child

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("page.html")
TIMEOUT_SECONDS = 90
OVERLAP_SECONDS = 1
_SHARED = {"ROTATION_OVERLAP": OVERLAP_SECONDS}
OPTIONS = {
    "body": _SHARED,
    # The page is served over plain HTTP, as in development.
    "cookie": {
        **_SHARED,
        "TRANSPORT": "cookie",
        "COOKIE_NAME": "refresh_token",
        "COOKIE_SECURE": False,
    },
}


class Site:
    """Serves until it is closed and stores the reports of pages by visit."""

    def __init__(self, database: str) -> None:
        self.servers = {
            transport: Child(
                "tests.interop.server",
                DJANGO_SETTINGS_MODULE="tests.clients.server_settings",
                REFRESH_SESSIONS_SERVED_DATABASE=database,
                REFRESH_SESSIONS_SERVED_OPTIONS=json.dumps(options),
            )
            for transport, options in OPTIONS.items()
        }
        self._reports: dict[str, queue.Queue[Any]] = defaultdict(queue.Queue)
        self._http = ThreadingHTTPServer((HOST, 0), type("Handler", (_Handler,), {"site": self}))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self._http.server_port}"

    def report(self, visit: str) -> Any:
        """Wait for the report of a visit.

        Raises:
            queue.Empty: the report did not arrive in time.

        """
        return self._reports[visit].get(timeout=TIMEOUT_SECONDS)

    def note(self, visit: str, report: Any) -> None:
        self._reports[visit].put(report)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        for server in self.servers.values():
            server.end()


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        if self.path.startswith("/?"):
            self._answer(200, [("Content-Type", "text/html; charset=utf-8")], PAGE.read_bytes())
        else:
            self._pass_on()

    def do_POST(self) -> None:
        _, first, rest = self.path.split("/", 2)
        if first != "report":
            self._pass_on()
            return
        self.site.note(rest, json.loads(self._body()))
        self._answer(204, [], b"")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _pass_on(self) -> None:
        """Forward the request to the server of the transport in the path."""
        transport, _, rest = self.path[1:].partition("/")
        server = self.site.servers.get(transport)
        if server is None:
            self._answer(404, [], b"")
            return
        web = HTTPConnection(HOST, server.port, timeout=60)
        try:
            headers = {n: v for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP}
            web.request(self.command, f"/{rest}", self._body(), headers)
            answer = web.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        finally:
            web.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        # A killed browser does not read the response.
        try:
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass
