"""The kept connections to Redis, and the caches that are used through their public API."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient

from refresh_sessions.cache.circuit import OPEN_SECONDS, CacheDownError, get_circuit
from refresh_sessions.cache.client import DEFAULT_TIMEOUT, get_opener
from tests.redis_servers import needs_redis, redis_cache, redis_clusters

pytestmark = needs_redis

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cache(redis, settings):
    settings.CACHES = redis_cache(redis.url)
    return get_opener("default")()


def connection_options(cache):
    return cache._cache.get_client().connection_pool.connection_kwargs


def connections_of(redis):
    return redis.ask("client", "list").count("cmd=")


def test_supported_django_gives_access_to_the_client(cache):
    """A guard: otherwise each call builds a client, and reads may go to a replica."""
    assert cache is not caches["default"]
    assert cache._cache.get_client() is cache._cache.get_client(write=True)
    assert {"get_many", "set", "delete"} <= vars(cache._cache).keys()


def test_kept_client_leaves_the_cache_of_the_project_unchanged(cache):
    project = caches["default"]._cache
    assert type(project) is type(cache._cache) is RedisCacheClient
    assert not {"get_client", "get_many"} & vars(project).keys()
    assert "socket_timeout" not in caches["default"]._options


def test_kept_client_and_cache_of_the_project_share_entries(cache):
    cache.set_many({"number": 7, "tuple": ("a", None)})
    assert caches["default"].get_many(["number", "tuple", "none"]) == {
        "number": 7,
        "tuple": ("a", None),
    }
    caches["default"].set("number", 8)
    assert cache.get_many(["number", "none"]) == {"number": 8}


def test_kept_client_reads_over_one_connection(cache, redis):
    cache.get_many(["key"])
    before = connections_of(redis)
    for _ in range(20):
        cache.get_many(["key"])
    assert connections_of(redis) == before


def test_kept_client_is_shared_by_threads(redis, settings):
    settings.CACHES = redis_cache(redis.url)

    def write(number):
        return get_circuit("default").call(
            lambda cache: (cache.set("key", number), cache)[1], "failed"
        )

    with ThreadPoolExecutor(4) as threads:
        assert len(set(map(id, threads.map(write, range(20))))) == 1


def test_concurrent_reads_each_get_their_own_entry(cache):
    cache.set_many({f"key {number}".replace(" ", "-"): number for number in range(50)})

    def read(number):
        return cache.get_many([f"key-{number}"]) == {f"key-{number}": number}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, list(range(50)) * 20))


def test_reads_use_the_first_of_several_servers(redis, settings):
    """The others may be replicas that lag behind, or that have lost their primary."""
    with redis_clusters().standalone() as other:
        settings.CACHES = redis_cache(redis.url, other.url)
        cache = get_opener("default")()
        cache.set("key", 1)
        assert [cache.get_many(["key"]) for _ in range(5)] == [{"key": 1}] * 5
        assert caches["default"].get("key") is None


def test_redis_without_options_has_a_short_timeout(cache):
    found = connection_options(cache)
    assert found["socket_timeout"] == found["socket_connect_timeout"] == DEFAULT_TIMEOUT


@pytest.mark.parametrize(
    ("options", "query", "expected"),
    [
        ({"socket_timeout": 7}, "", (7, 7)),
        ({"socket_connect_timeout": 9}, "", (DEFAULT_TIMEOUT, 9)),
        ({"socket_timeout": 7, "socket_connect_timeout": 9}, "", (7, 9)),
        ({"socket_timeout": None}, "", (None, None)),
        ({}, "?socket_timeout=4", (4, DEFAULT_TIMEOUT)),
    ],
)
def test_timeouts_of_the_settings_have_priority(redis, settings, options, query, expected):
    settings.CACHES = redis_cache(redis.url + query, **options)
    found = connection_options(get_opener("default")())
    assert (found["socket_timeout"], found["socket_connect_timeout"]) == expected


def test_redis_at_unix_socket_is_used(settings, tmp_path):
    path = tmp_path / "redis.socket"
    with redis_clusters().standalone(unixsocket=str(path)) as server:
        settings.CACHES = redis_cache(f"unix://:{server.password}@{path}")
        cache = get_opener("default")()
        cache.set("key", 1)
        assert cache.get_many(["key"]) == {"key": 1}


class Sharded(RedisCacheClient):
    def get_client(self, key=None, *, write=False):
        return super().get_client(key, write=write)


class ShardedCache(RedisCache):
    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = Sharded


def test_client_class_of_a_project_is_used_as_it_is(redis, settings):
    settings.CACHES = redis_cache(redis.url)
    settings.CACHES["default"]["BACKEND"] = f"{__name__}.ShardedCache"
    assert get_opener("default")() is caches["default"]


@pytest.mark.parametrize("name", ["_cache", "_options", "_servers"])
def test_django_without_private_attribute_is_used_through_its_public_api(
    redis, settings, monkeypatch, name
):
    class OtherCache(RedisCache):
        def __getattribute__(self, attribute):
            if attribute == name:
                raise AttributeError(attribute)
            return super().__getattribute__(attribute)

    settings.CACHES = redis_cache(redis.url)
    monkeypatch.setattr("tests.outages.test_redis_client.OtherCache", OtherCache, raising=False)
    settings.CACHES["default"]["BACKEND"] = f"{__name__}.OtherCache"
    assert get_opener("default")() is caches["default"]


def test_connection_with_an_unread_response_is_not_used_again(cache, redis, settings):
    settings.CACHES = redis_cache(redis.url, socket_timeout=0.2)
    cache = get_opener("default")()
    cache.set_many({"first": 1, "second": 2})
    assert cache.get_many(["first"]) == {"first": 1}
    redis.freeze()
    with pytest.raises(Exception, match="Timeout"):
        cache.get_many(["first"])
    redis.thaw()
    assert [cache.get_many(["second"]) for _ in range(3)] == [{"second": 2}] * 3


def read_at_once(redis, circuit, *, calls):
    """Read in threads, each over a connection of its own: none ends before all have begun."""
    redis.freeze()
    with ThreadPoolExecutor(calls) as threads:
        results = [
            threads.submit(circuit.call, lambda cache: cache.get_many(["key"]), "failed")
            for _ in range(calls)
        ]
        time.sleep(0.3)
        redis.thaw()
    assert [result.result() for result in results] == [{}] * calls


def test_restarted_server_is_noticed_once_and_used_at_once(redis, settings):
    settings.CACHES = redis_cache(redis.url, socket_timeout=20)
    circuit = get_circuit("default")
    read_at_once(redis, circuit, calls=6)
    epoch = circuit.epoch
    redis.kill()
    redis.start()
    circuit.call(lambda cache: cache.get_many(["key"]), "failed")
    read_at_once(redis, circuit, calls=6)
    assert circuit.epoch == epoch + 1


def test_server_that_is_down_raises_no_other_error(redis, settings):
    settings.CACHES = redis_cache(redis.url)
    circuit = get_circuit("default")
    redis.kill()
    for _ in range(3):
        with pytest.raises(CacheDownError):
            circuit.call(lambda cache: cache.get_many(["key"]), "failed", urgent=True)
    redis.start()
    assert read_urgently(circuit, within=2 * OPEN_SECONDS) == {}


def read_urgently(circuit, *, within):
    """Read until the circuit admits a call: on a busy machine, the failures were slow."""
    deadline = time.monotonic() + within
    while True:
        try:
            return circuit.call(lambda cache: cache.get_many(["key"]), "failed", urgent=True)
        except CacheDownError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


FORKS = """
import os, sys
import django
from django.conf import settings
settings.configure(CACHES={"default": {
    "BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": sys.argv[1]}})
django.setup()
from refresh_sessions.cache.circuit import get_circuit

def read(number):
    key = f"key-{number}"
    return get_circuit("default").call(lambda cache: cache.get_many([key]), "") == {key: number}

for number in range(5):
    get_circuit("default").call(lambda cache: cache.set(f"key-{number}", number), "")
assert read(0)
children = []
for number in range(1, 5):
    child = os.fork()
    if not child:
        os._exit(0 if all(read(number) for _ in range(200)) else 1)
    children.append(child)
assert all(read(0) for _ in range(200))
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
"""


def test_forked_processes_do_not_share_connections(redis):
    done = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, "-W", "error", "-c", FORKS, redis.url],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
