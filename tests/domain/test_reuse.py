"""Used and foreign refresh tokens."""

from datetime import timedelta

import pytest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from refresh_sessions.tokens import refresh_tokens
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    family_of,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db


class TestReuse:
    def test_used_token_with_delivered_successor_revokes_session(self, pair, clock):
        new = rotated(pair, clock)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"
        assert call(new) == "session_revoked"
        assert refused(new.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"
        assert session_of(pair).reuse_detected_at is not None
        assert kinds(pair) == ["signed_in", "reuse_detected"]

    @pytest.mark.parametrize("generation", [2, 40])
    def test_token_two_generations_behind_is_reuse(self, pair, clock, generation):
        """Reuse is detected inside the overlap and one second before the hard expiry."""
        old = pair
        new = rotated(pair, clock, times=generation)
        clock.move(session_of(pair).expires_at - clock.now - timedelta(seconds=1))
        assert refused(old.refresh) == "session_revoked"
        assert session_of(new).revoked_reason == "reuse"

    def test_token_two_generations_behind_in_overlap_is_reuse(self, pair, clock):
        rotated(pair, clock, times=2)
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_reuse_event_names_both_clients(self, pair, clock, rf):
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh, request=rf.get("/", REMOTE_ADDR="203.0.113.5"))
        pair_two = family_of(pair)
        clock.move(AFTER_OVERLAP)
        TokenFamily.objects.filter(pk=pair_two.pk).update(delivered_at=clock.now)
        attacker = rf.get("/", REMOTE_ADDR="198.51.100.7", HTTP_USER_AGENT="curl/8")
        refused(pair.refresh, request=attacker)
        event = session_of(pair).events.get(kind="reuse_detected")
        assert event.ip_address == "198.51.100.7"
        assert event.details == {
            "reason": "reuse",
            "generation": 1,
            "newest_generation": 2,
            "ip_address": "198.51.100.7",
            "user_agent": "curl/8",
            "other_ip_address": "203.0.113.5",
            "other_user_agent": "",
        }

    def test_reuse_leaves_other_sessions_of_the_user(self, user, clock):
        stolen, other = make_pair(user), make_pair(user)
        rotated(stolen, clock, times=2)
        refused(stolen.refresh)
        assert call(refresh_session(other.refresh)) == "ok"


class TestForeignTokens:
    def test_malformed_refresh_token_takes_no_query(self, pair, django_assert_num_queries):
        with django_assert_num_queries(0), pytest.raises(InvalidTokenError):
            refresh_session("a.b.c")

    def test_signed_token_with_wrong_secret_is_refused(self, pair, django_assert_num_queries):
        """A leaked signing key alone forges no token and revokes no session."""
        forged = refresh_tokens.issue(
            session_id=pair.session.pk,
            family_id=pair.family.pk,
            generation=1,
            expires_at=pair.refresh_expires_at,
            secret=refresh_tokens.new_secret(),
        )
        with django_assert_num_queries(1):
            assert refused(forged) == "session_revoked"
        assert call(pair) == "ok"

    def test_secret_of_another_family_is_refused(self, pair):
        secret = refresh_tokens.verify(make_pair().refresh).secret
        forged = refresh_tokens.issue(
            session_id=pair.session.pk,
            family_id=pair.family.pk,
            generation=1,
            expires_at=pair.refresh_expires_at,
            secret=secret,
        )
        assert refused(forged) == "session_revoked"
        assert call(pair) == "ok"

    def test_family_of_another_session_is_refused(self, pair):
        own = refresh_tokens.verify(pair.refresh)
        forged = refresh_tokens.issue(
            session_id=make_pair(UserFactory()).session.pk,
            family_id=own.family_id,
            generation=1,
            expires_at=own.expires_at,
            secret=own.secret,
        )
        assert refused(forged) == "session_revoked"

    def test_token_of_pruned_session_is_refused(self, pair):
        DeviceSession.objects.all().delete()
        assert refused(pair.refresh) == "session_revoked"

    def test_token_of_revoked_session_is_refused(self, pair):
        revoke_session(pair.session, reason="admin")
        assert refused(pair.refresh) == "session_revoked"
        assert kinds(pair) == ["signed_in", "revoked"]
