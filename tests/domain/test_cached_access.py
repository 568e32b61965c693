"""``ACCESS_TOKEN_CHECK = "cache"``: each change that ends an access token is effective at once."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import (
    access_cache,
    check_access_token,
    prune_sessions,
    refresh_session,
    start_session,
)
from refresh_sessions.tenants import cache_prefix
from tests.domain.access_endings import ENDINGS, after_overlap, recovery, revocation
from tests.domain.client_actions import call
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

ending = pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)


@pytest.fixture(autouse=True)
def _cached(options):
    options(ACCESS_TOKEN_CHECK="cache")


def stamp_key(pair) -> str:
    return f"{cache_prefix()}:{{{pair.session.pk}}}"


def snapshot_key(pair) -> str:
    return f"{stamp_key(pair)}:{pair.family.pk}"


@ending
def test_cached_token_after_change_is_refused_at_once(
    ending, user, django_assert_num_queries, django_capture_on_commit_callbacks
):
    case = ending(user)
    assert call(case.pair) == "ok"
    with django_assert_num_queries(0):
        assert call(case.pair) == "ok"
    with django_capture_on_commit_callbacks(execute=True):
        case.change()
    assert call(case.pair) != "ok"


@ending
def test_snapshot_of_row_read_before_change_is_not_used(
    ending, user, django_capture_on_commit_callbacks
):
    """A slow request reads the row before the change and stores its snapshot afterwards."""
    case = ending(user)
    before_change = iter([True])

    def change_after_select(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if next(before_change, False):
            with django_capture_on_commit_callbacks(execute=True):
                case.change()
        return result

    with connection.execute_wrapper(change_after_select):
        assert call(case.pair) == "ok"
    assert next(before_change, None) is None
    assert call(case.pair) != "ok"


@pytest.mark.parametrize("kind", ["revocation", "recovery"])
def test_snapshot_of_slow_request_is_not_used_after_eviction(kind, user):
    """The cache loses the stamp before the slow request stores its snapshot."""
    case = {"revocation": revocation, "recovery": recovery}[kind](user)
    before_change = iter([True])

    def change_after_select(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if next(before_change, False):
            case.change()
            cache.clear()
        return result

    with connection.execute_wrapper(change_after_select):
        assert call(case.pair) == "ok"
    assert cache.get(snapshot_key(case.pair))
    assert call(case.pair) != "ok"


def test_cached_token_without_stamp_reads_database(pair, django_assert_num_queries):
    assert call(pair) == call(pair) == "ok"
    cache.delete(stamp_key(pair))
    with django_assert_num_queries(1):
        assert call(pair) == "ok"
    with django_assert_num_queries(0):
        assert call(pair) == "ok"


def test_revoked_session_is_refused_without_query(user, django_assert_num_queries):
    case = revocation(user)
    case.change()
    with django_assert_num_queries(0):
        assert call(case.pair) == "session_revoked"


def test_revoked_session_without_stamp_is_refused_by_database(user):
    case = revocation(user)
    assert call(case.pair) == "ok"
    case.change()
    cache.clear()
    assert call(case.pair) == call(case.pair) == "session_revoked"


def test_current_tokens_after_change_of_another_session_stay_cached(
    user, django_assert_num_queries
):
    case, pair = revocation(user), make_pair(user)
    assert call(pair) == "ok"
    case.change()
    with django_assert_num_queries(0):
        assert call(pair) == "ok"


def test_token_of_refreshed_family_is_cached_after_one_query(pair, django_assert_num_queries):
    assert call(pair) == "ok"
    new = refresh_session(pair.refresh)
    with django_assert_num_queries(1):
        assert call(new) == "ok"
    with django_assert_num_queries(0):
        # The token of the redeemable generation as well.
        assert call(new) == call(pair) == "ok"


def test_snapshot_of_older_generation_is_replaced(pair, django_assert_num_queries, monkeypatch):
    """As after a failed invalidation."""
    assert call(pair) == "ok"
    monkeypatch.setattr(access_cache, "forget", lambda *args, **kwargs: None)
    new = refresh_session(pair.refresh)
    with django_assert_num_queries(1):
        assert call(new) == "ok"
    with django_assert_num_queries(0):
        assert call(new) == "ok"


def test_cached_token_of_superseded_generation_reads_database(user, django_assert_num_queries):
    first = make_pair(user)
    second = refresh_session(first.refresh)
    after_overlap()
    third = refresh_session(second.refresh)
    assert call(third) == "ok"
    with django_assert_num_queries(1):
        assert call(first) == "token_not_valid/token_superseded"
    with django_assert_num_queries(0):
        assert call(third) == "ok"


@pytest.mark.parametrize("entry", [None, 7, "text", (), ("x",), {"generation": 1}, [1] * 9])
def test_cache_entry_of_another_form_reads_database(pair, entry, django_assert_num_queries):
    assert call(pair) == "ok"
    cache.set(snapshot_key(pair), entry)
    with django_assert_num_queries(1):
        assert call(pair) == "ok"
    with django_assert_num_queries(0):
        assert call(pair) == "ok"


def test_snapshot_as_json_list_is_used(pair, django_assert_num_queries):
    """Other serializers know no tuples."""
    assert call(pair) == "ok"
    cache.set(snapshot_key(pair), list(cache.get(snapshot_key(pair))))
    with django_assert_num_queries(0):
        assert call(pair) == "ok"


def test_snapshot_with_stamp_of_another_session_is_not_used(user, django_assert_num_queries):
    pair, other = make_pair(user), make_pair(user)
    assert call(pair) == call(other) == "ok"
    cache.set(snapshot_key(pair), cache.get(snapshot_key(other)))
    with django_assert_num_queries(1):
        assert call(pair) == "ok"


def test_snapshot_expires_with_its_session(clock, user, options):
    options(SESSION_LIFETIME=timedelta(seconds=40), LEEWAY=timedelta(seconds=30))
    pair = start_session(user)
    assert call(pair) == "ok"
    clock.move(timedelta(seconds=39))
    assert call(pair) == "ok"
    clock.move(timedelta(seconds=2))
    assert call(pair) == "token_not_valid/token_expired"


def test_snapshot_expires_with_its_family(clock, user, options):
    options(REFRESH_TOKEN_LIFETIME=timedelta(seconds=40))
    pair = start_session(user)
    assert call(pair) == "ok"
    clock.move(timedelta(seconds=41))
    assert call(pair) == "token_not_valid/token_expired"


def test_stored_snapshot_is_not_used_after_cache_timeout_of_stamp(clock, pair):
    """A slow request stores its snapshot for another ``CACHE_TIMEOUT``."""
    slow = iter([True])

    def stall(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if next(slow, False):
            clock.move(timedelta(seconds=59))
        return result

    with connection.execute_wrapper(stall):
        assert call(pair) == "ok"
    # Without a signal.
    DeviceSession.objects.update(revoked_at=clock.now)
    assert call(pair) == "ok"
    clock.move(timedelta(seconds=2))
    assert cache.get(snapshot_key(pair))
    assert call(pair) == "session_revoked"


def test_cached_token_of_pruned_session_is_refused(clock, user, options):
    options(SESSION_LIFETIME=timedelta(seconds=40))
    pair = start_session(user)
    assert call(pair) == "ok"
    clock.move(timedelta(seconds=46))
    assert prune_sessions(older_than=timedelta(0)) == 1
    assert call(pair) != "ok"


def test_other_checks_write_no_cache_entries(user, options):
    options(ACCESS_TOKEN_CHECK="session")
    case = revocation(user)
    assert call(case.pair) == "ok"
    case.change()
    assert cache.get_many([stamp_key(case.pair), snapshot_key(case.pair)]) == {}


def test_cached_grant_has_the_user_without_query(pair, user, django_assert_num_queries):
    check_access_token(pair.access)
    with django_assert_num_queries(0):
        grant = check_access_token(pair.access)
        assert (grant.user.pk, grant.session) == (user.pk, None)
    with django_assert_num_queries(1):
        assert grant.user.get_username() == user.get_username()
