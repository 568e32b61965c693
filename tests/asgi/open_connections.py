"""Database connections that threads of the server have open."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

TIMEOUT = 20.0


class OpenConnections:
    """Connections since the start of a test, without that of the test itself."""

    def __init__(self) -> None:
        self.seen: WeakSet[BaseDatabaseWrapper] = WeakSet()
        self.opened = 0

    def add(self, connection: BaseDatabaseWrapper, **more: Any) -> None:
        self.seen.add(connection)
        self.opened += 1

    def count(self) -> int:
        """The connections that are open now."""
        return sum(wrapper.connection is not None for wrapper in list(self.seen))

    def count_on_server(self) -> int:
        """The same as the database server counts it; without a server, ``count()``."""
        if connection.vendor != "postgresql":
            return self.count()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
            return int(cursor.fetchone()[0])


@contextmanager
def watched_connections() -> Iterator[OpenConnections]:
    watched = OpenConnections()
    connection.ensure_connection()
    connection_created.connect(watched.add)
    try:
        yield watched
    finally:
        connection_created.disconnect(watched.add)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, f"Waited in vain: {what}"
        time.sleep(0.01)
