"""Application servers whose clocks are wrong: the database's decides, so all decide alike."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import refresh_session
from tests.domain.stories import call, family_of, kinds, refused
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

TEN_MINUTES = timedelta(minutes=10)
WRONG = [-TEN_MINUTES, timedelta(0), TEN_MINUTES]
SERVERS = pytest.mark.parametrize("wrong", WRONG, ids=["slow", "right", "fast"])


def server(wrong):
    """An application server whose clock is wrong by so much; the database's is not touched."""
    return time_machine.travel(datetime.now(UTC) + wrong)


def overlap_ago(**more):
    """The last rotation lies so far back, by the database's clock."""
    TokenFamily.objects.update(rotated_at=datetime.now(UTC) - timedelta(**more))


@SERVERS
class TestEachDecides:
    def test_within_the_overlap(self, wrong):
        pair = make_pair()
        new = refresh_session(pair.refresh)
        overlap_ago(seconds=2)
        with server(wrong):
            sibling, same = refresh_session(pair.refresh), refresh_session(new.refresh)
        assert (sibling.refresh, same.refresh) == (None, new.refresh)
        assert family_of(pair).generation == 2

    def test_after_the_overlap(self, wrong):
        pair = make_pair()
        refresh_session(pair.refresh)
        overlap_ago(seconds=11)
        with server(wrong):
            assert refresh_session(pair.refresh).refresh is not None
        assert family_of(pair).generation == 3

    def test_about_a_used_token(self, wrong):
        pair = make_pair()
        new = refresh_session(pair.refresh)
        overlap_ago(seconds=61)
        with server(wrong):
            assert call(new) == "ok"
            assert refused(pair.refresh) == "session_revoked"
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    def test_about_a_token_that_a_sibling_writes_back(self, wrong):
        """By the database's own clock, whose instants have another precision than Python's."""
        pair = make_pair()
        new = refresh_session(pair.refresh)
        with server(wrong):
            assert refresh_session(pair.refresh).refresh is None
        overlap_ago(seconds=61)
        with server(wrong):
            assert call(new) == "ok"
            assert refresh_session(pair.refresh).refresh
        assert kinds(pair) == ["signed_in"]

    @pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
    def test_about_the_idle_limit(self, wrong, late):
        pair = make_pair()
        minute = timedelta(minutes=-1 if late else 1)
        TokenFamily.objects.update(idle_expires_at=datetime.now(UTC) + minute)
        with server(wrong):
            if late:
                assert refused(pair.refresh) == "session_expired/idle"
            else:
                assert refresh_session(pair.refresh).refresh is not None

    def test_about_the_hard_limit(self, wrong):
        pair = make_pair()
        minute = datetime.now(UTC) + timedelta(minutes=1)
        type(pair.session).objects.update(expires_at=minute)
        with server(wrong):
            new = refresh_session(pair.refresh)
        assert new.access_expires_at == new.refresh_expires_at == minute.replace(microsecond=0)

    def test_what_a_sign_in_promises(self, wrong):
        before = datetime.now(UTC)
        with server(wrong):
            pair = make_pair()
        lifetime = pair.session.expires_at - before
        assert abs(lifetime - timedelta(days=7)) < timedelta(minutes=1)

    def test_that_a_call_is_good(self, wrong):
        pair = make_pair()
        with server(wrong):
            assert call(pair) == "ok"


def test_one_client_and_many_servers(options):
    """Each request reaches another of them, and none takes the others' rotations for theft."""
    options(ROTATION_OVERLAP=timedelta(0))
    pair = make_pair()
    for number in range(12):
        with server(WRONG[number % 3]):
            pair = refresh_session(pair.refresh)
            assert call(pair) == "ok"
    assert (family_of(pair).generation, kinds(pair)) == (13, ["signed_in"])


def test_ten_refreshes_within_a_second_stay_ordered(options, clock):
    """No clock moves at all: the number of the generation orders them, not an instant."""
    options(ROTATION_OVERLAP=timedelta(0))
    pairs = [make_pair()]
    for _ in range(10):
        pairs.append(refresh_session(pairs[-1].refresh))
    assert family_of(pairs[0]).generation == 11
    assert [call(pair) for pair in pairs[-3:]] == ["token_not_valid/token_superseded", "ok", "ok"]
    assert refused(pairs[4].refresh) == "session_revoked"
    assert kinds(pairs[0]) == ["signed_in", "reuse_detected"]
