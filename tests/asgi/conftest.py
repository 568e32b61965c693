"""A server for the tests of this folder, and what its requests leave open."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.asgi.open_connections import OpenConnections, watched_connections


@pytest.fixture
def serve(transactional_db, caplog) -> Iterator[Callable[[], AbstractContextManager[int]]]:
    """A context manager that starts a server with the present settings and gives its port."""
    from tests.asgi.server import uvicorn_server  # noqa: PLC0415 - needs uvicorn

    yield uvicorn_server
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.fixture
def port(serve) -> Iterator[int]:
    """The port of a server with the settings at its start."""
    with serve() as number:
        yield number


@pytest.fixture
def open_connections(transactional_db) -> Iterator[OpenConnections]:
    """The database connections of the threads of the server."""
    with watched_connections() as watched:
        yield watched
