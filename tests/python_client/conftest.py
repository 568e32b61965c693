"""A model of the server in memory, and clients of it, with a clock that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from tests.python_client.simulated_clock import SimulatedClock

INSTALLED = all(map(find_spec, ("anyio", "filelock", "httpx")))

# The environment base has no extras.
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

if INSTALLED:
    import httpx

    from refresh_sessions.client import SessionAuth, endpoints, proofs, retry, tokens
    from tests.python_client.model_server import BASE_URL, CREDENTIALS, ORIGIN, ModelServer
    from tests.python_client.model_transport import ModelTransport


@pytest.fixture
def simulated(monkeypatch) -> SimulatedClock:
    """The clock of the model server and of the clients."""
    clock = SimulatedClock()
    for module in (endpoints, proofs, retry, tokens):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def server(simulated):
    """The model server."""
    return ModelServer(simulated)


@pytest.fixture
def make_auth(server) -> Callable[..., Any]:
    """Return a function that creates a ``SessionAuth`` for the model server."""

    def make(base_url=BASE_URL, **options):
        transport = ModelTransport(server)
        options = {
            **CREDENTIALS,
            "open_client": lambda: httpx.Client(transport=transport),
            **options,
        }
        if "credentials" in options or options["username"] is None:
            del options["username"], options["password"]
        return SessionAuth(base_url, **options)

    return make


@pytest.fixture
def auth(make_auth):
    return make_auth()


@pytest.fixture
def connect(server) -> Callable[..., Any]:
    """Return a function that creates an ``httpx.Client`` for the model server."""

    @contextmanager
    def open_client(auth, **options) -> Iterator[Any]:
        transport = ModelTransport(server)
        with httpx.Client(transport=transport, base_url=ORIGIN, auth=auth, **options) as web:
            yield web

    return open_client


@pytest.fixture
def web(auth, connect):
    """A client with the authentication ``auth``."""
    with connect(auth) as client:
        yield client
