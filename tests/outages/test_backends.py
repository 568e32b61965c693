"""``ACCESS_TOKEN_CHECK = "cache"`` with each kind of cache backend."""

import json
import shutil
import subprocess
import time
from importlib.util import find_spec

import pytest
from django.core.cache import cache
from django.core.management import call_command

from refresh_sessions.cache.circuit import get_circuit
from tests.domain.access_endings import ENDINGS
from tests.domain.client_actions import call
from tests.factories import make_pair
from tests.outages.caches import closed_port
from tests.redis_servers import needs_redis, redis_cache

pytestmark = pytest.mark.django_db

BACKENDS = "django.core.cache.backends"


def local(request):
    return {"BACKEND": f"{BACKENDS}.locmem.LocMemCache", "LOCATION": "backends"}


def files(request):
    directory = request.getfixturevalue("tmp_path")
    return {"BACKEND": f"{BACKENDS}.filebased.FileBasedCache", "LOCATION": str(directory)}


def database(request):
    return {"BACKEND": f"{BACKENDS}.db.DatabaseCache", "LOCATION": "entries"}


def redis(request):
    return redis_cache(request.getfixturevalue("redis").url)["default"]


def redis_with_json(request):
    serializer = f"{__name__}.JSONSerializer"
    return redis_cache(request.getfixturevalue("redis").url, serializer=serializer)["default"]


def django_redis(request):
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": _url(request)}


def memcached(request):
    port = request.getfixturevalue("memcached_port")
    return {"BACKEND": f"{BACKENDS}.memcached.PyMemcacheCache", "LOCATION": f"127.0.0.1:{port}"}


def _url(request) -> str:
    return str(request.getfixturevalue("redis").url)


class JSONSerializer:
    def dumps(self, value):
        return json.dumps(value).encode()

    def loads(self, data):
        return json.loads(data)


def _needs(*modules, program=None):
    missing = [name for name in modules if not find_spec(name)]
    if program and not shutil.which(program):
        missing.append(program)
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


KINDS = [
    local,
    files,
    database,
    pytest.param(redis, marks=needs_redis),
    pytest.param(redis_with_json, marks=needs_redis),
    pytest.param(django_redis, marks=[needs_redis, _needs("django_redis")]),
    pytest.param(memcached, marks=_needs("pymemcache", program="memcached")),
]


@pytest.fixture
def memcached_port():
    """A memcached server of the test."""
    port = closed_port()
    # It refuses to run as root without a user.
    command = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"]
    with subprocess.Popen(command) as process:  # noqa: S603  (our own command)
        time.sleep(0.3)
        yield port
        process.terminate()


@pytest.fixture(params=KINDS)
def backend(request, settings, options):
    settings.CACHES = {"default": request.param(request)}
    if request.param is database:
        call_command("createcachetable")
    options(ACCESS_TOKEN_CHECK="cache")
    yield request.param
    cache.clear()
    cache.close()


def test_second_request_with_each_backend_reads_no_session(
    backend, pair, django_assert_max_num_queries
):
    assert call(pair) == "ok"
    # A cache in the database takes one query for both entries, and one to check its size.
    with django_assert_max_num_queries(2 if backend is database else 0) as queries:
        assert call(pair) == "ok"
    assert not any("refresh_sessions" in query["sql"].split("WHERE")[0] for query in queries)
    assert get_circuit("default").epoch == 0


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_change_with_each_backend_is_effective_at_once(
    backend, ending, user, django_capture_on_commit_callbacks
):
    case = ending(user)
    assert call(case.pair) == call(case.pair) == "ok"
    with django_capture_on_commit_callbacks(execute=True):
        case.change()
    assert call(case.pair) != "ok"
    assert get_circuit("default").epoch == 0


def test_bulk_revocation_with_each_backend_is_effective_at_once(backend, user):
    pairs = [make_pair(user) for _ in range(4)]
    assert [call(pair) for pair in pairs] == ["ok"] * 4
    user.is_active = False
    user.save()
    assert [call(pair) for pair in pairs] == ["session_revoked"] * 4


def test_dummy_cache_reads_the_database_each_time(
    pair, settings, options, django_assert_num_queries
):
    settings.CACHES = {"default": {"BACKEND": f"{BACKENDS}.dummy.DummyCache"}}
    options(ACCESS_TOKEN_CHECK="cache")
    for _ in range(2):
        with django_assert_num_queries(1):
            assert call(pair) == "ok"
