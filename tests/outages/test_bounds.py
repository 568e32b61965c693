"""How long several server processes accept an ended access token: the table of the documentation.

``docs/access-token-check.md`` has one row for each fault.
"""

import re
import time
from datetime import timedelta
from importlib.util import find_spec

import pytest

from refresh_sessions.cache.circuit import OPEN_SECONDS, get_circuit
from refresh_sessions.cache.client import DEFAULT_TIMEOUT
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import access_cache, revoke_session
from refresh_sessions.tenants import cache_prefix
from tests.domain.access_endings import ENDINGS, revocation
from tests.domain.client_actions import call
from tests.factories import UserFactory, make_pair
from tests.outages.workers import TIMEOUT, serving
from tests.races.server import WORKERS
from tests.redis_servers import needs_redis, redis_cache

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not find_spec("gunicorn"), reason="gunicorn is not installed"),
    needs_redis,
]

AT_ONCE = 0.0


@pytest.fixture(scope="module")
def workers(redis_server, django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), serving(redis_cache(redis_server.url)) as workers:
        yield workers


@pytest.fixture(autouse=True)
def _same_cache(redis, settings, options):
    """The test is one more process with the same cache."""
    settings.CACHES = redis_cache(redis.url)
    options(ACCESS_TOKEN_CHECK="cache", CACHE_TIMEOUT=timedelta(seconds=TIMEOUT))


@pytest.fixture
def calm(workers, redis):
    """Wait until all circuits are closed, as the tests before have ended with failures."""
    workers.wait_for_cache(make_pair())


def cached(workers, pair):
    """Let each worker use the snapshot."""
    workers.wait_for_cache(pair)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_change_in_one_process_is_effective_in_all_at_once(workers, calm, ending, user):
    case = ending(user)
    cached(workers, case.pair)
    case.change()
    assert workers.staleness(case.pair) == AT_ONCE


def test_flushed_cache_gives_no_staleness(workers, calm, redis, user):
    case = revocation(user)
    cached(workers, case.pair)
    case.change()
    redis.ask("flushall")
    assert workers.staleness(case.pair) == AT_ONCE


def test_killed_cache_gives_no_staleness(workers, calm, redis, user):
    case, other = revocation(user), make_pair(user)
    cached(workers, case.pair)
    redis.kill()
    case.change()
    assert workers.staleness(case.pair) == AT_ONCE
    assert workers.ask_each(other) == {200}


def test_restarted_empty_cache_gives_no_staleness(workers, calm, redis, user):
    case = revocation(user)
    cached(workers, case.pair)
    redis.kill()
    case.change()
    redis.start()
    assert workers.staleness(case.pair) == AT_ONCE


def test_cache_without_its_last_writes_gives_no_staleness(workers, calm, redis, user):
    """As after a failover to a replica: the new server has the entries from before the change."""
    case = revocation(user)
    cached(workers, case.pair)
    assert "OK" in redis.ask("save")
    case.change()
    redis.kill()
    redis.start()
    assert redis.ask("exists", stamp_of(case.pair)).strip() == "1"
    assert workers.staleness(case.pair) == AT_ONCE


def stamp_of(pair) -> str:
    return f":1:{access_cache._get_stamp_key(pair.session.pk, cache_prefix())}"


def test_frozen_cache_gives_no_staleness_and_one_time_out_per_process(workers, calm, redis, user):
    case, other = revocation(user), make_pair(user)
    cached(workers, case.pair)
    redis.freeze()
    assert workers.ask_each(other) == {200}
    case.change()
    started = time.monotonic()
    assert workers.ask_each(other, times=10) == {200}
    # Far less than one time-out per request, also on a busy machine.
    assert time.monotonic() - started < WORKERS * 10 * DEFAULT_TIMEOUT / 2
    redis.thaw()
    assert workers.staleness(case.pair) == AT_ONCE


def test_process_without_cache_leaves_others_stale_until_its_circuit_closes(
    workers, calm, redis, user, settings
):
    """Only the process that revokes the session cannot reach the cache."""
    case, other = revocation(user), make_pair(user)
    cached(workers, case.pair)
    circuit = get_circuit("default")
    reach, circuit._opener = circuit._opener, lambda: (_ for _ in ()).throw(ConnectionError)
    case.change()
    since = time.monotonic()
    # The premise of the bound: the others have noticed nothing.
    assert workers.ask_each(case.pair) == {200}
    circuit._opener = reach
    time.sleep(max(0.0, OPEN_SECONDS - (time.monotonic() - since)))
    assert call(other) == "ok"
    assert workers.staleness(case.pair) == AT_ONCE


@pytest.mark.parametrize("fault", ["killed before the write", "update without signal"])
def test_staleness_without_invalidation_is_at_most_cache_timeout(
    workers, calm, user, monkeypatch, fault
):
    pair = make_pair(user)
    cached(workers, pair)
    since = time.monotonic()
    if fault == "update without signal":
        DeviceSession.objects.filter(pk=pair.session.pk).delete()
    else:
        monkeypatch.setattr("refresh_sessions.sessions.revoke.announce_revocation", print)
        assert revoke_session(pair.session, reason="admin")
    assert workers.ask_each(pair) == {200}
    assert workers.staleness(pair, since=since) <= TIMEOUT


def test_evicting_cache_gives_no_staleness(workers, calm, redis):
    """The policy allkeys-lru evicts entries of all kinds, whatever their age."""
    redis.ask("config", "set", "maxmemory-policy", "allkeys-lru")
    user = UserFactory()
    try:
        cases = [revocation(user) for _ in range(12)]
        for number, case in enumerate(cases):
            workers.ask_each(case.pair)
            redis.ask("config", "set", "maxmemory", "1500kb" if number % 2 else "0")
            case.change()
            redis.ask("eval", FILL, "0", "40")
            assert workers.staleness(case.pair) == AT_ONCE
        for case in cases:
            redis.ask("eval", FILL, "0", "40")
            assert workers.staleness(case.pair) == AT_ONCE
        assert int(re.search(r"evicted_keys:(\d+)", redis.ask("info", "stats"))[1]) > 0
    finally:
        redis.ask("config", "set", "maxmemory", "0")


def test_full_cache_gives_no_staleness(workers, calm, redis, user):
    """With the policy noeviction, a full Redis refuses to store."""
    case = revocation(user)
    cached(workers, case.pair)
    redis.ask("config", "set", "maxmemory-policy", "noeviction")
    redis.ask("config", "set", "maxmemory", "1")
    try:
        assert "OOM" in redis.ask("eval", "return redis.pcall('set', 'x', 'y')['err']", "0")
        case.change()
        assert workers.staleness(case.pair) == AT_ONCE
    finally:
        redis.ask("config", "set", "maxmemory", "0")


FILL = """
for number = 1, tonumber(ARGV[1]) do
  redis.call('set', 'junk:' .. redis.call('incr', 'junk'), string.rep('x', 10000))
end
"""
