"""Streams that outlive their access token or session, and many that wait."""

import threading
from datetime import timedelta

import pytest

from refresh_sessions.sessions import refresh_session, revoke_session
from tests.asgi.open_connections import wait_until
from tests.asgi.server import read_head, send
from tests.factories import make_pair

pytestmark = pytest.mark.urls("tests.asgi.project")

MANY = 100


class Streams:
    """Open streams of one server."""

    def __init__(self, port):
        self._port = port
        self._sockets = []

    def open(self, path, access):
        """Open a stream and read its first event."""
        connection = send(self._port, path, access=access)
        response = read_head(connection)
        self._sockets += [connection, response]
        assert response.status == 200
        assert response.readline() == b"data: hello\n"
        return response

    def close(self):
        """Close all from the side of the client."""
        while self._sockets:
            self._sockets.pop().close()


@pytest.fixture
def streams(port):
    opened = Streams(port)
    yield opened
    opened.close()


def last_event(response):
    """Read until the server ends the stream."""
    return response.read().decode().strip().rpartition("\n\n")[2]


class TestEnds:
    def test_stream_ends_when_its_token_expires(self, streams, options, user):
        # The leeway lets the stream begin on a slow machine.
        options(ACCESS_TOKEN_LIFETIME=timedelta(seconds=1), LEEWAY=timedelta(hours=1))
        stream = streams.open("/events/", make_pair(user).access)
        options(LEEWAY=timedelta())
        assert last_event(stream) == "event: end\ndata: token_expired"

    def test_stream_ends_when_its_session_is_revoked(self, streams, pair):
        stream = streams.open("/events/", pair.access)
        revoke_session(pair.session, reason="user")
        assert last_event(stream) == "event: end\ndata: session_revoked"

    def test_stream_continues_after_a_refresh(self, streams, pair):
        stream = streams.open("/events/", pair.access)
        refresh_session(pair.refresh)
        for _ in range(3):
            assert {stream.readline(), stream.readline()} == {b"\n", b"data: hello\n"}

    @pytest.mark.parametrize("access", ["", "x.y.z"])
    def test_stream_with_invalid_token_is_401(self, port, access):
        with send(port, "/events/", access=access) as connection:
            assert read_head(connection).status == 401


class TestManyOpen:
    @pytest.mark.parametrize(
        ("path", "check"), [("/idle/", "session"), ("/idle-in-memory/", "stateless")]
    )
    def test_waiting_streams_hold_no_database_connection(
        self, streams, open_connections, options, pair, path, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        before = threading.active_count()
        for _ in range(MANY):
            streams.open(path, pair.access)
        assert open_connections.count() == 0
        # PostgreSQL takes a moment to end a process.
        wait_until(lambda: not open_connections.count_on_server(), "the server has none")
        # Django has one thread for each open request.
        assert threading.active_count() - before <= MANY

    def test_stream_that_closes_nothing_holds_its_connection(
        self, streams, open_connections, options, pair
    ):
        """Shows that the count of the other test sees connections."""
        options(ACCESS_TOKEN_CHECK="session")
        for number in range(1, 4):
            streams.open("/idle-in-memory/", pair.access)
            assert open_connections.count() == number
            assert open_connections.count_on_server() == number

    def test_closed_streams_leave_no_thread_and_no_connection(
        self, streams, open_connections, options, pair
    ):
        options(ACCESS_TOKEN_CHECK="session")
        before = threading.active_count()
        for _ in range(10):
            streams.open("/idle-in-memory/", pair.access)
        assert open_connections.count() == 10
        streams.close()
        wait_until(lambda: not open_connections.count(), "the connections are closed")
        wait_until(lambda: threading.active_count() <= before, "the threads end")
