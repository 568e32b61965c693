"""``python -m tests.interop.server``: the project in a process of its own, until stdin ends."""

from __future__ import annotations

import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from tests.interop.service import Silent


class Threading(ThreadingMixIn, WSGIServer):
    """A thread per request."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.interop.served")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  (reads the variable)

    application = get_wsgi_application()
    with make_server("127.0.0.1", 0, application, Threading, Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
