"""Application servers with wrong clocks: the database's clock decides."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import refresh_session
from tests.domain.client_actions import call, family_of, kinds, refused
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

TEN_MINUTES = timedelta(minutes=10)
WRONG = [-TEN_MINUTES, timedelta(0), TEN_MINUTES]
SERVERS = pytest.mark.parametrize("wrong", WRONG, ids=["slow", "right", "fast"])


def server(wrong):
    """An application server whose clock differs by ``wrong`` from the database's."""
    return time_machine.travel(datetime.now(UTC) + wrong)


def set_rotation_age(**more):
    """Move the last rotation into the past of the database's clock."""
    TokenFamily.objects.update(rotated_at=datetime.now(UTC) - timedelta(**more))


@SERVERS
class TestWrongClock:
    def test_refresh_within_overlap_with_wrong_clock_is_answered_as_sibling(self, wrong):
        pair = make_pair()
        new = refresh_session(pair.refresh)
        set_rotation_age(seconds=2)
        with server(wrong):
            sibling, same = refresh_session(pair.refresh), refresh_session(new.refresh)
        assert (sibling.refresh, same.refresh) == (None, new.refresh)
        assert family_of(pair).generation == 2

    def test_refresh_after_overlap_with_wrong_clock_recovers(self, wrong):
        pair = make_pair()
        refresh_session(pair.refresh)
        set_rotation_age(seconds=11)
        with server(wrong):
            assert refresh_session(pair.refresh).refresh is not None
        assert family_of(pair).generation == 3

    def test_used_token_with_wrong_clock_is_reuse(self, wrong):
        pair = make_pair()
        new = refresh_session(pair.refresh)
        set_rotation_age(seconds=61)
        with server(wrong):
            assert call(new) == "ok"
            assert refused(pair.refresh) == "session_revoked"
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    def test_token_stored_by_sibling_with_wrong_clock_recovers(self, wrong):
        """The database's clock has another precision than Python's."""
        pair = make_pair()
        new = refresh_session(pair.refresh)
        with server(wrong):
            assert refresh_session(pair.refresh).refresh is None
        set_rotation_age(seconds=61)
        with server(wrong):
            assert call(new) == "ok"
            assert refresh_session(pair.refresh).refresh
        assert kinds(pair) == ["signed_in"]

    @pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
    def test_idle_limit_with_wrong_clock_is_exact(self, wrong, late):
        pair = make_pair()
        minute = timedelta(minutes=-1 if late else 1)
        TokenFamily.objects.update(idle_expires_at=datetime.now(UTC) + minute)
        with server(wrong):
            if late:
                assert refused(pair.refresh) == "session_expired/idle"
            else:
                assert refresh_session(pair.refresh).refresh is not None

    def test_hard_limit_with_wrong_clock_is_exact(self, wrong):
        pair = make_pair()
        minute = datetime.now(UTC) + timedelta(minutes=1)
        type(pair.session).objects.update(expires_at=minute)
        with server(wrong):
            new = refresh_session(pair.refresh)
        assert new.access_expires_at == new.refresh_expires_at == minute.replace(microsecond=0)

    def test_login_with_wrong_clock_sets_correct_lifetime(self, wrong):
        before = datetime.now(UTC)
        with server(wrong):
            pair = make_pair()
        lifetime = pair.session.expires_at - before
        assert abs(lifetime - timedelta(days=7)) < timedelta(minutes=1)

    def test_access_token_with_wrong_clock_is_accepted(self, wrong):
        pair = make_pair()
        with server(wrong):
            assert call(pair) == "ok"


def test_refreshes_on_servers_with_different_clocks_never_report_reuse(options):
    """Each request reaches another server."""
    options(ROTATION_OVERLAP=timedelta(0))
    pair = make_pair()
    for number in range(12):
        with server(WRONG[number % 3]):
            pair = refresh_session(pair.refresh)
            assert call(pair) == "ok"
    assert (family_of(pair).generation, kinds(pair)) == (13, ["signed_in"])


def test_ten_refreshes_at_one_instant_are_ordered_by_generation(options, clock):
    """The clock does not move: the generation orders them."""
    options(ROTATION_OVERLAP=timedelta(0))
    pairs = [make_pair()]
    for _ in range(10):
        pairs.append(refresh_session(pairs[-1].refresh))
    assert family_of(pairs[0]).generation == 11
    assert [call(pair) for pair in pairs[-3:]] == ["token_not_valid/token_superseded", "ok", "ok"]
    assert refused(pairs[4].refresh) == "session_revoked"
    assert kinds(pairs[0]) == ["signed_in", "reuse_detected"]
