"""Memory, threads and database connections of a uvicorn process with many waiting streams.

    python -m benchmarks.streams                       # SQLite
    DATABASE_URL=postgres://… python -m benchmarks.streams --streams 1000

Each stream checks its access token, sends one event and waits. The first view checks nothing. The
views are those of ``tests/asgi/project.py``. The benchmark creates a database and drops it at the
end.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
CASES = (
    ("/idle-without-check/", "session"),
    ("/idle/", "session"),
    ("/idle/", "cache"),
    ("/idle/", "stateless"),
    ("/idle-in-memory/", "stateless"),
)
DESCRIPTORS = 8192


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--serve", type=int, help="for the process of the server")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    _configure()
    if options.serve:
        _serve(options.serve)
        return
    from django.db import connection

    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        _measure(options.streams)
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def _measure(streams: int) -> None:
    from tests.factories import make_pair

    access = make_pair().access
    _print(
        f"{'view':22} {'check':10} {'kB each':>8} {'threads':>8} {'connections':>12} "
        f"{'ms CPU each':>12}"
    )
    for path, check in CASES:
        with socket.create_server((HOST, 0), backlog=DESCRIPTORS) as listening:
            _measure_case(path, check, streams, access, listening)


def _measure_case(
    path: str, check: str, streams: int, access: str, listening: socket.socket
) -> None:
    from django.db import connection

    descriptor, port = listening.fileno(), listening.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.streams", "--serve", str(descriptor)]
    environment = {
        **os.environ,
        "BENCHMARK_CHECK": check,
        "BENCHMARK_DATABASE": str(connection.settings_dict["NAME"]),
    }
    with subprocess.Popen(  # noqa: S603  (our own command)
        command, env=environment, pass_fds=[descriptor]
    ) as server:
        opened: list[socket.socket] = []
        try:
            # Load everything first.
            opened += [_open(port, path, access) for _ in range(5)]
            memory, cpu = _read_memory(server.pid), _read_cpu(server.pid)
            opened += [_open(port, path, access) for _ in range(streams)]
            cpu = (_read_cpu(server.pid) - cpu) / streams
            time.sleep(1)
            each = (_read_memory(server.pid) - memory) / streams
            threads = len(list(Path(f"/proc/{server.pid}/task").iterdir()))
            _print(
                f"{path:22} {check:10} {each:8.0f} {threads:8} {_count_connections():>12} "
                f"{1000 * cpu:12.1f}"
            )
        finally:
            for stream in opened:
                stream.close()
            server.terminate()


def _open(port: int, path: str, access: str) -> socket.socket:
    """Open a stream and read its first event."""
    stream = socket.create_connection((HOST, port), timeout=60)
    head = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {access}\r\n\r\n"
    stream.sendall(head.encode())
    received = b""
    while b"data:" not in received:
        chunk = stream.recv(1 << 16)
        if not chunk or (received and b" 200 " not in received):
            raise SystemExit(f"{path}: {received.decode(errors='replace')}")
        received += chunk
    return stream


def _read_memory(pid: int) -> int:
    """The resident memory of a process in kB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def _read_cpu(pid: int) -> float:
    """The processor time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _count_connections() -> Any:
    from django.db import connection

    if connection.vendor != "postgresql":
        return "-"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


def _serve(descriptor: int) -> None:
    import uvicorn
    from django.core.handlers.asgi import ASGIHandler

    uvicorn.run(
        ASGIHandler(), fd=descriptor, http="h11", ws="none", lifespan="off", log_config=None
    )


def _configure() -> None:
    import dj_database_url
    import django
    from django.conf import settings

    name = Path(tempfile.gettempdir()) / f"benchmark-{os.getpid()}.sqlite3"
    database = dj_database_url.parse(os.environ.get("DATABASE_URL", f"sqlite:///{name}"))
    if served := os.environ.get("BENCHMARK_DATABASE"):
        database["NAME"] = served
    else:
        # Under SQLite a file: processes cannot share a database in memory.
        in_file = "sqlite3" in str(database["ENGINE"])
        database["TEST"] = {"NAME": str(name) if in_file else f"benchmark_{os.getpid()}"}
    settings.configure(
        SECRET_KEY="benchmarks-only-0Zq8Wm3Ln6Xc1Vb5Ty7Ru2Ip9Oa4Sd-Kj",  # noqa: S106
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.asgi.project",
        DATABASES={"default": database},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "refresh_sessions",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        REFRESH_SESSIONS={"ACCESS_TOKEN_CHECK": os.environ.get("BENCHMARK_CHECK", "session")},
        USE_TZ=True,
    )
    django.setup()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
