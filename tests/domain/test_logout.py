"""Reuse is detected although the session was logged out, whether by attacker or owner."""

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
from tests.domain.client_actions import (
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
    revoke_user_sessions(pair.session.user, reason="user", logout_token=place)


WAYS = [by_refresh_token, by_access_token, by_own_session, by_all_sessions]


@pytest.fixture
def alarms(caplog):
    """The details of each reuse event; each has a CRITICAL log line."""
    caplog.set_level(logging.CRITICAL, logger="refresh_sessions.security")
    heard = []

    def hear(**about):
        heard.append(about["details"])

    refresh_token_reused.connect(hear, weak=False)
    yield heard
    refresh_token_reused.disconnect(hear)
    assert len(caplog.get_records("call")) == len(heard)


class TestLogoutByAttacker:
    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_logout_by_attacker_is_detected_at_next_refresh_of_owner(
        self, pair, clock, alarms, sign_out_by
    ):
        stolen = refresh_session(pair.refresh)
        sign_out_by(stolen)
        clock.move(AFTER_OVERLAP)
        assert alarms == []
        assert refused(pair.refresh) == "session_revoked"
        assert [details["after_end"] for details in alarms] == [True]
        assert kinds(pair)[-1] == "reuse_detected"
        assert session_of(pair).revoked_reason in {"logout", "user"}

    def test_logout_by_attacker_is_reported_once(self, pair, clock, alarms):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        for _ in range(3):
            assert refused(pair.refresh) == "session_revoked"
            log_out(claims_of(pair))
        assert len(alarms) == 1
        assert kinds(pair) == ["signed_in", "signed_out", "reuse_detected"]

    def test_logout_by_attacker_is_detected_at_logout_of_owner(self, pair, clock, alarms):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        assert log_out(claims_of(pair)) is False
        assert len(alarms) == 1

    def test_used_token_of_revoked_session_writes_at_most_once(self, pair, clock):
        by_refresh_token(refresh_session(pair.refresh))
        clock.move(AFTER_OVERLAP)
        for writes in (["UPDATE", "UPDATE", "INSERT"], []):
            with CaptureQueriesContext(connection) as queries:
                refused(pair.refresh)
            words = [query["sql"].split()[0] for query in queries]
            changes = [word for word in words if word in {"UPDATE", "INSERT", "DELETE"}]
            assert changes == writes

    def test_reuse_after_hard_limit_is_detected(self, pair, clock, alarms):
        new = rotated(pair, clock)
        clock.move(session_of(pair).expires_at - clock.now)
        assert refused(new.refresh) == "session_expired/absolute"
        assert refused(pair.refresh) == "session_revoked"
        assert len(alarms) == 1


class TestLateHonestClient:
    """A late but honest client is not accused after a logout."""

    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_refresh_after_logout_with_newest_token_is_not_reuse(
        self, pair, clock, alarms, sign_out_by
    ):
        new = refresh_session(pair.refresh)
        sign_out_by(new)
        clock.move(AFTER_OVERLAP)
        assert refused(new.refresh) == "session_revoked"
        assert alarms == []

    @pytest.mark.parametrize("sign_out_by", WAYS)
    def test_refresh_after_logout_with_previous_token_in_overlap_is_not_reuse(
        self, pair, alarms, sign_out_by
    ):
        sign_out_by(refresh_session(pair.refresh))
        assert refused(pair.refresh) == "session_revoked"
        assert alarms == []

    def test_refresh_after_revocation_with_recoverable_token_is_not_reuse(
        self, pair, clock, alarms
    ):
        refresh_session(pair.refresh)
        revoke_session(pair.session, reason="admin")
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"
        assert alarms == []

    def test_logout_with_previous_refresh_token_is_ordinary(self, pair, clock, alarms):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        assert log_out(claims_of(pair)) is True
        assert session_of(pair).revoked_reason == "logout"
        assert alarms == []

    def test_logout_with_old_access_token_is_ordinary(self, pair, clock, alarms):
        rotated(pair, clock, times=3)
        assert log_out(access_tokens.verify(pair.access)) is True
        assert session_of(pair).revoked_reason == "logout"
        assert alarms == []


class TestReusedToken:
    """The logout/ and revoke/ endpoints judge a used token as refresh/ does."""

    @pytest.mark.parametrize("times", [1, 2, 5])
    def test_logout_with_reused_token_revokes_session_for_reuse(self, pair, clock, alarms, times):
        new = rotated(pair, clock, times=times)
        delivered(new, clock)
        assert log_out(claims_of(pair)) is True
        assert session_of(pair).revoked_reason == "reuse"
        assert kinds(pair) == ["signed_in", "reuse_detected"]
        assert [details.get("after_end") for details in alarms] == [None]
        assert call(new) == "session_revoked"

    def test_logout_after_revocation_for_reuse_is_not_reported_again(self, pair, clock, alarms):
        new = rotated(pair, clock)
        refused(pair.refresh)
        clock.move(AFTER_OVERLAP)
        for _ in range(2):
            refused(pair.refresh)
            log_out(claims_of(pair))
            refused(new.refresh)
        assert len(alarms) == 1


class EndAllPolicy(SessionPolicy):
    """After one stolen token, revokes all sessions of the user."""

    def reuse_ends(self, user, *, session):
        return "user"


class TestPolicyRevokingAllSessions:
    def test_reuse_policy_revoking_all_sessions_spares_later_logins(
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
