"""Serve a WSGI application until standard input ends; the first line of output is the port."""

from __future__ import annotations

import sys
import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A WSGI server with one thread per request."""

    daemon_threads = True
    request_queue_size = 128


class SilentHandler(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def serve(application: WSGIApplication) -> None:
    with make_server("127.0.0.1", 0, application, ThreadingServer, SilentHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()
