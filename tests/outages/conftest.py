import pytest

from tests.redis_servers import redis_clusters


@pytest.fixture(scope="module")
def redis_server():
    """A Redis server for the tests of one module; they may kill it, and it is started again."""
    with redis_clusters().standalone() as server:
        yield server


@pytest.fixture
def redis(redis_server, _disconnected):
    """The server, running and empty."""
    if not redis_server.is_alive:
        redis_server.start()
    redis_server.ask("flushall")
    yield redis_server
    redis_server.thaw()


@pytest.fixture
def _disconnected(monkeypatch):
    """Close all connections of the process to Redis: Django leaves that to the end of threads."""
    from redis import ConnectionPool  # noqa: PLC0415 - the library may be missing

    pools, build = [], ConnectionPool.__init__

    def build_and_note(pool, *args, **options):
        build(pool, *args, **options)
        pools.append(pool)

    monkeypatch.setattr(ConnectionPool, "__init__", build_and_note)
    yield
    for pool in pools:
        pool.disconnect()
