"""The circuit breaker of the cache, and what it distrusts and repeats after a failure."""

from collections import Counter
from threading import Barrier, Event, Thread
from types import SimpleNamespace

import pytest

from refresh_sessions.cache import circuit as circuits
from refresh_sessions.cache.circuit import OPEN_SECONDS, CacheDownError, Circuit, get_circuit
from refresh_sessions.cache.recent import MAX_KEYS, RecentKeys
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.domain.access_endings import ENDINGS, after_overlap
from tests.domain.client_actions import call
from tests.factories import make_pair
from tests.outages.caches import SwitchableCache


class Watch:
    """Replaces ``time`` in the module of the circuit."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def watch(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(circuits, "time", watch)
    return watch


@pytest.fixture
def cache(settings):
    """A switchable cache as the default; ``cache.fail()`` and ``cache.work()`` switch it."""
    settings.CACHES = {"default": {"BACKEND": f"{SwitchableCache.__module__}.SwitchableCache"}}

    def fail(*names, times=-1):
        left = [times]

        def failure(name):
            if left[0] and (not names or name in names):
                left[0] -= 1
                raise ConnectionError

        SwitchableCache.failure = staticmethod(failure)

    def work():
        SwitchableCache.failure = None

    work()
    SwitchableCache.operations.clear()
    yield SimpleNamespace(fail=fail, work=work, operations=SwitchableCache.operations)
    work()


@pytest.fixture
def circuit():
    return Circuit("default")


def write(circuit, **options):
    return circuit.call(lambda cache: cache.set("key", 1), "failed", **options)


def skipped(circuit, **options) -> bool:
    """Whether a call is refused."""
    try:
        write(circuit, **options)
    except CacheDownError:
        return True
    return False


class TestCalls:
    def test_circuit_without_failure_calls_each_time(self, circuit, cache):
        assert [skipped(circuit) for _ in range(3)] == [False] * 3
        assert cache.operations == ["set"] * 3

    def test_circuit_after_failure_skips_the_cache(self, circuit, cache, watch):
        cache.fail()
        assert [skipped(circuit) for _ in range(50)] == [True] * 50
        assert cache.operations == ["set"] * 2

    def test_circuit_probes_once_in_open_seconds(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        for _ in range(3):
            watch.now += OPEN_SECONDS
            cache.operations.clear()
            assert [skipped(circuit) for _ in range(10)] == [True] * 10
            assert cache.operations == ["set"] * 2
            watch.now += OPEN_SECONDS - 0.1
            assert skipped(circuit)
            assert cache.operations == ["set"] * 2

    def test_successful_probe_closes_the_circuit(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        cache.work()
        assert skipped(circuit)
        watch.now += OPEN_SECONDS
        assert [skipped(circuit) for _ in range(5)] == [False] * 5

    def test_quick_failure_is_repeated_once(self, circuit, cache, watch):
        """A server has closed an idle connection."""
        errors = [ConnectionError()]
        SwitchableCache.failure = staticmethod(
            lambda name: errors and (_ for _ in ()).throw(errors.pop())
        )
        assert not skipped(circuit)
        assert cache.operations == ["set"] * 2

    def test_slow_failure_is_not_repeated(self, circuit, cache, watch):
        def time_out(name):
            watch.now += 1
            raise TimeoutError

        SwitchableCache.failure = staticmethod(time_out)
        assert skipped(circuit)
        assert cache.operations == ["set"]

    def test_urgent_call_reaches_the_cache_while_the_circuit_is_open(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        assert skipped(circuit, urgent=True)
        cache.work()
        assert not skipped(circuit, urgent=True)
        assert not skipped(circuit)

    def test_urgent_call_after_slow_failure_waits_as_long(self, circuit, cache, watch):
        """So that revocations in an outage do not spend all their time on time-outs."""

        def time_out(name):
            watch.now += 1.5
            raise TimeoutError

        SwitchableCache.failure = staticmethod(time_out)
        skipped(circuit)
        for _ in range(2):
            cache.operations.clear()
            watch.now += 1.4
            assert skipped(circuit, urgent=True)
            assert cache.operations == []
            watch.now += 0.1
            assert skipped(circuit, urgent=True)
            assert cache.operations == ["set"]

    def test_unknown_backend_opens_the_circuit(self, circuit, settings):
        settings.CACHES = {"default": {"BACKEND": "nowhere.Cache"}}
        assert skipped(circuit)

    def test_concurrent_calls_probe_once(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        watch.now += OPEN_SECONDS
        entered, leave = Event(), Event()

        def wait(name):
            entered.set()
            assert leave.wait(10)
            watch.now += 1
            raise TimeoutError

        SwitchableCache.failure = staticmethod(wait)
        cache.operations.clear()
        barrier, results = Barrier(8), []

        def run():
            barrier.wait(10)
            results.append(skipped(circuit))
            leave.set()

        threads = [Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(results) == {True: 8}
        assert cache.operations == ["set"]

    def test_circuit_of_replaced_caches_is_new(self, settings):
        first = get_circuit("default")
        assert get_circuit("default") is first
        assert get_circuit("other") is not first
        settings.CACHES = dict(settings.CACHES)
        assert get_circuit("default") is not first


class TestTrust:
    def test_state_read_before_failure_is_not_trusted(self, circuit, cache):
        assert circuit.trusts(0.0)
        cache.fail()
        skipped(circuit)
        assert not circuit.trusts(10.0)

    def test_state_read_after_recovery_is_trusted(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        cache.work()
        watch.now += OPEN_SECONDS
        epoch = circuit.epoch
        write(circuit)
        circuit.trust_since(10.0, epoch=epoch)
        assert circuit.trusts(10.0)
        assert not circuit.trusts(9.9)

    def test_later_reads_do_not_move_the_start_of_trust(self, circuit, cache):
        circuit.trust_since(10.0, epoch=circuit.epoch)
        assert circuit.trusts(0.0)

    def test_read_that_began_before_a_failure_gives_no_trust(self, circuit, cache, watch):
        cache.fail()
        skipped(circuit)
        epoch = circuit.epoch
        skipped(circuit, urgent=True)
        circuit.trust_since(10.0, epoch=epoch)
        assert not circuit.trusts(10.0)

    def test_repeated_call_after_quick_failure_gives_no_trust(self, circuit, cache):
        """The new connection may lead to another server."""
        errors = [ConnectionError()]
        SwitchableCache.failure = staticmethod(
            lambda name: errors and (_ for _ in ()).throw(errors.pop())
        )
        assert not skipped(circuit)
        assert not circuit.trusts(10.0)


@pytest.fixture
def _cached(options):
    options(ACCESS_TOKEN_CHECK="cache")


def as_another_process(action):
    """Run an action with the circuit of a process that has seen no failure."""
    own = get_circuit._state
    get_circuit.reset()
    try:
        return action()
    finally:
        get_circuit._state = own


@pytest.mark.django_db
@pytest.mark.usefixtures("_cached")
class TestAccessTokens:
    @pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
    def test_change_during_outage_is_effective_at_once_in_processes_that_noticed(
        self, ending, user, cache, watch, django_capture_on_commit_callbacks
    ):
        case = ending(user)
        assert call(case.pair) == "ok"
        cache.fail()
        assert call(case.pair) == "ok"
        with django_capture_on_commit_callbacks(execute=True):
            case.change()
        assert call(case.pair) != "ok"
        cache.work()
        for _ in range(3):
            watch.now += OPEN_SECONDS
            assert call(case.pair) != "ok"

    @pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
    def test_change_during_outage_is_repeated_for_other_processes(
        self, ending, user, cache, watch, django_capture_on_commit_callbacks
    ):
        case, other = ending(user), make_pair()
        assert call(case.pair) == "ok"
        cache.fail()
        call(other)
        with django_capture_on_commit_callbacks(execute=True):
            case.change()
        cache.work()
        # The premise: a process that has noticed nothing uses the old entry.
        assert as_another_process(lambda: call(case.pair)) == "ok"
        watch.now += OPEN_SECONDS
        # Some changes end the other session as well.
        call(other)
        assert as_another_process(lambda: call(case.pair)) != "ok"

    def test_change_before_failover_is_repeated_for_other_processes(
        self, pair, cache, watch, settings
    ):
        """The new server lacks the write of the revocation, and has the entries from before."""
        other = make_pair()
        assert call(pair) == call(other) == "ok"
        stored = dict(SwitchableCache("", {})._cache)
        revoke_session(pair.session, reason="admin")
        cache.fail()
        call(other)
        SwitchableCache("", {})._cache.update(stored)
        cache.work()
        assert as_another_process(lambda: call(pair)) == "ok"
        assert call(pair) == "session_revoked"
        watch.now += OPEN_SECONDS
        assert call(pair) == call(pair) == "session_revoked"
        assert as_another_process(lambda: call(pair)) == "session_revoked"

    def test_repair_that_fails_is_repeated(self, pair, cache, watch):
        other = make_pair()
        assert call(pair) == "ok"
        cache.fail()
        call(other)
        revoke_session(pair.session, reason="admin")
        cache.fail("set_many", "delete", "delete_many")
        watch.now += OPEN_SECONDS
        assert call(other) == "ok"
        assert as_another_process(lambda: call(pair)) == "ok"
        cache.work()
        watch.now += OPEN_SECONDS
        assert call(other) == "ok"
        assert as_another_process(lambda: call(pair)) == "session_revoked"

    def test_cache_that_cannot_store_still_deletes(self, pair, cache):
        """A full Redis with the policy noeviction."""
        assert call(pair) == "ok"
        cache.fail("set", "set_many", "add")
        revoke_session(pair.session, reason="admin")
        assert as_another_process(lambda: call(pair)) == "session_revoked"

    def test_cache_without_operations_on_several_keys_is_updated(self, user, cache):
        """A Redis Cluster refuses keys of several slots in one operation."""
        pairs = [make_pair(user) for _ in range(3)]
        assert [call(pair) for pair in pairs] == ["ok"] * 3
        cache.fail("set_many", "delete_many")
        user.is_active = False
        user.save()
        assert [as_another_process(lambda p=pair: call(p)) for pair in pairs] == [
            "session_revoked"
        ] * 3

    def test_requests_after_recovery_are_cached_after_one_query_each(
        self, user, cache, watch, django_assert_num_queries
    ):
        pairs = [make_pair(user) for _ in range(3)]
        assert [call(pair) for pair in pairs] == ["ok"] * 3
        cache.fail()
        with django_assert_num_queries(3):
            assert [call(pair) for pair in pairs] == ["ok"] * 3
        cache.work()
        watch.now += OPEN_SECONDS
        with django_assert_num_queries(3):
            assert [call(pair) for pair in pairs] == ["ok"] * 3
        with django_assert_num_queries(0):
            assert [call(pair) for pair in pairs] == ["ok"] * 3

    def test_refresh_while_the_circuit_is_open_skips_the_cache(self, pair, cache, watch):
        cache.fail()
        assert call(pair) == "ok"
        cache.operations.clear()
        refresh_session(pair.refresh)
        assert cache.operations == []

    def test_recovery_while_the_circuit_is_open_calls_the_cache(self, pair, cache, watch):
        lost = refresh_session(pair.refresh)
        after_overlap()
        assert call(lost) == "ok"
        cache.fail()
        call(lost)
        cache.work()
        refresh_session(pair.refresh)
        assert as_another_process(lambda: call(lost)) != "ok"

    def test_slow_cache_costs_one_time_out_per_open_seconds(self, pair, cache, watch):
        def time_out(name):
            watch.now += 1
            raise TimeoutError

        SwitchableCache.failure = staticmethod(time_out)
        start = watch.now
        assert [call(pair) for _ in range(100)] == ["ok"] * 100
        assert watch.now - start == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("_cached")
def test_retried_logout_after_a_kill_updates_the_cache(user, monkeypatch):
    """The process was killed between the commit and the write to the cache."""
    pair = make_pair(user)
    assert call(pair) == "ok"
    with monkeypatch.context() as killed:
        killed.setattr("refresh_sessions.sessions.revoke.announce_revocation", lambda *args: None)
        assert revoke_session(pair.session, reason="admin") is True
    assert call(pair) == "ok"
    assert revoke_session(pair.session, reason="admin") is False
    assert call(pair) == "session_revoked"


class TestRecentKeys:
    def test_recent_keys_are_dropped_after_their_time(self, monkeypatch):
        watch = Watch()
        monkeypatch.setattr("refresh_sessions.cache.recent.time", watch)
        recent = RecentKeys[bool]()
        recent.add(["a", "b"], value=True, timeout=60)
        watch.now += 59
        recent.add(["b"], value=False, timeout=60)
        assert recent.get() == {"a": True, "b": False}
        watch.now += 2
        assert recent.get() == {"b": False}
        watch.now += 59
        assert recent.get() == {}
        assert not recent._entries

    def test_recent_keys_are_limited_in_number(self):
        recent = RecentKeys[bool]()
        recent.add(map(str, range(MAX_KEYS + 5)), value=True, timeout=60)
        assert len(recent.get()) == MAX_KEYS
        assert "4" not in recent.get()

    def test_recent_keys_with_other_timeouts_are_complete(self):
        recent = RecentKeys[bool]()
        recent.add(["long"], value=True, timeout=60)
        recent.add(["past"], value=True, timeout=-1)
        assert recent.get() == {"long": True}
