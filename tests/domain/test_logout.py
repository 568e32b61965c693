"""Whoever signs out behind himself is found when the owner comes back."""

import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    check_access_token,
    log_out,
    refresh_session,
    revoke_by_holder,
    revoke_session,
    revoke_user_sessions,
)
from refresh_sessions.signals import refresh_token_reused
from refresh_sessions.tokens import access_tokens, refresh_tokens
from tests.domain.stories import (
    AFTER_OVERLAP,
    call,
    delivered,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


def claims_of(pair):
    return refresh_tokens.verify(pair.refresh)


def by_refresh_token(pair):
    log_out(claims_of(pair))


def by_access_token(pair):
    log_out(access_tokens.verify(pair.access))


def by_own_session(pair):
    revoke_by_holder(check_access_token(pair.access).claims, pair.session)


def by_all_sessions(pair):
    place = access_tokens.verify(pair.access).place
    revoke_user_sessions(pair.session.user, reason="user", presented=place)


WAYS = [by_refresh_token, by_access_token, by_own_session, by_all_sessions]


@pytest.fixture
def alarms(caplog):
    """The details of each alarm; a CRITICAL line belongs to each."""
    caplog.set_level(logging.CRITICAL, logger="refresh_sessions.security")
    heard = []

    def hear(**about):
        heard.append(about["details"])

    refresh_token_reused.connect(hear, weak=False)
    yield heard
    refresh_token_reused.disconnect(hear)
    assert len(caplog.get_records("call")) == len(heard)


class TestAttackerWhoSignsOut:
    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_is_found_when_the_owner_returns(self, pair, clock, alarms, sign_out_by):
        stolen = refresh_session(pair.refresh)
        sign_out_by(stolen)
        clock.move(AFTER_OVERLAP)
        assert alarms == []
        assert refused(pair.refresh) == "session_revoked"
        assert [details["after_end"] for details in alarms] == [True]
        assert kinds(pair)[-1] == "reuse_detected"
        assert session_of(pair).revoked_reason in {"logout", "user"}

    def test_raises_one_alarm_however_often_the_owner_comes(self, pair, clock, alarms):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        for _ in range(3):
            assert refused(pair.refresh) == "session_revoked"
            log_out(claims_of(pair))
        assert len(alarms) == 1
        assert kinds(pair) == ["signed_in", "signed_out", "reuse_detected"]

    def test_owner_who_signs_out_finds_him_too(self, pair, clock, alarms):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        assert log_out(claims_of(pair)) is False
        assert len(alarms) == 1

    def test_used_token_of_a_revoked_session_writes_at_most_once(self, pair, clock):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        for writes in (["UPDATE", "UPDATE", "INSERT"], []):
            with CaptureQueriesContext(connection) as queries:
                refused(pair.refresh)
            words = [query["sql"].split()[0] for query in queries]
            changes = [word for word in words if word in {"UPDATE", "INSERT", "DELETE"}]
            assert changes == writes

    def test_is_found_after_the_hard_limit(self, pair, clock, alarms):
        new = rotated(pair, clock)
        clock.move(session_of(pair).expires_at - clock.now)
        assert refused(new.refresh) == "session_expired/absolute"
        assert refused(pair.refresh) == "session_revoked"
        assert len(alarms) == 1


class TestHonestLaggard:
    """Nobody is accused for coming late to a session that was signed out."""

    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_with_the_newest_token(self, pair, clock, alarms, sign_out_by):
        new = refresh_session(pair.refresh)
        sign_out_by(new)
        clock.move(AFTER_OVERLAP)
        assert refused(new.refresh) == "session_revoked"
        assert alarms == []

    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_with_the_token_before_in_the_overlap(self, pair, alarms, sign_out_by):
        sign_out_by(refresh_session(pair.refresh))
        assert refused(pair.refresh) == "session_revoked"
        assert alarms == []

    def test_with_the_token_before_and_recovery_open(self, pair, clock, alarms):
        refresh_session(pair.refresh)
        revoke_session(pair.session, reason="admin")
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"
        assert alarms == []

    def test_with_the_token_before_signs_out_in_the_ordinary_way(self, pair, clock, alarms):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        assert log_out(claims_of(pair)) is True
        assert session_of(pair).revoked_reason == "logout"
        assert alarms == []

    def test_with_an_old_access_token_signs_out_in_the_ordinary_way(self, pair, clock, alarms):
        rotated(pair, clock, times=3)
        assert log_out(access_tokens.verify(pair.access)) is True
        assert session_of(pair).revoked_reason == "logout"
        assert alarms == []


class TestReusedToken:
    """At logout/ and revoke/ a used token is what it is at refresh/."""

    @pytest.mark.parametrize("times", [1, 2, 5])
    def test_revokes_the_session_for_reuse(self, pair, clock, alarms, times):
        new = rotated(pair, clock, times=times)
        delivered(new, clock)
        assert log_out(claims_of(pair)) is True
        assert session_of(pair).revoked_reason == "reuse"
        assert kinds(pair) == ["signed_in", "reuse_detected"]
        assert [details.get("after_end") for details in alarms] == [None]
        assert call(new) == "session_revoked"

    def test_of_a_session_revoked_for_reuse_raises_no_second_alarm(self, pair, clock, alarms):
        new = rotated(pair, clock)
        refused(pair.refresh)
        clock.move(AFTER_OVERLAP)
        for _ in range(2):
            refused(pair.refresh)
            log_out(claims_of(pair))
            refused(new.refresh)
        assert len(alarms) == 1


class EndAllPolicy(SessionPolicy):
    """Where one token was stolen, others may have been."""

    def reuse_ends(self, user, *, session):
        return "user"


class TestPolicyThatEndsAll:
    def test_ends_the_sessions_of_that_moment_and_none_that_come_later(
        self, pair, user, clock, options
    ):
        options(POLICY=f"{__name__}.EndAllPolicy")
        by_refresh_token(refresh_session(pair.refresh))
        there = make_pair(user)
        clock.move(AFTER_OVERLAP)
        refused(pair.refresh)
        assert call(there) == "session_revoked"
        later = make_pair(user)
        refused(pair.refresh)
        assert call(later) == "ok"
