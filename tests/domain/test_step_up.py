"""Step-up, and the state of the tokens issued before."""

from datetime import timedelta

import pytest

from refresh_sessions.sessions import refresh_session
from refresh_sessions.tokens import access_tokens
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    delivered,
    family_of,
    kinds,
    refused,
    session_of,
)
from tests.domain.step_up_actions import HOUR, auth_time, is_fresh, step_up
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


class TestOutsideTheOverlap:
    def test_step_up_gives_new_tokens_with_new_auth_time(self, old, clock):
        new = step_up(old, methods=("pwd", "otp"))
        assert auth_time(new) == clock.now.replace(microsecond=0)
        assert access_tokens.verify(new.access).authentication_methods == ("pwd", "otp")
        family = family_of(old)
        assert (family.generation, family.redeemable_generation) == (2, 1)
        assert (family.authenticated_at, family.rotated_at) == (clock.now, clock.now)
        assert family.delivered_at is None
        assert is_fresh(new)
        assert kinds(old) == ["signed_in", "reauthenticated"]

    def test_step_up_leaves_auth_time_of_previous_tokens(self, old):
        step_up(old)
        assert call(old) == "ok"
        assert not is_fresh(old)

    def test_sibling_refresh_after_step_up_has_previous_auth_time(self, old):
        step_up(old)
        sibling = refresh_session(old.refresh)
        assert sibling.refresh is None
        assert not is_fresh(sibling)
        assert auth_time(sibling) is None

    def test_step_up_auth_time_survives_rotations(self, old, clock):
        new = step_up(old)
        for _ in range(3):
            clock.move(AFTER_OVERLAP)
            new = refresh_session(new.refresh)
            assert is_fresh(new)
        clock.move(timedelta(minutes=5))
        assert not is_fresh(new)

    def test_step_up_within_second_of_login_has_new_methods(self, clock, user):
        pair = make_pair(user, methods=("pwd",))
        assert is_fresh(step_up(pair, methods=("pwd", "otp")), methods=("otp",))
        assert not is_fresh(pair)

    def test_step_up_keeps_hard_limit(self, old, clock):
        expires_at = session_of(old).expires_at
        new = step_up(old)
        assert session_of(old).expires_at == expires_at
        assert family_of(old).idle_expires_at <= expires_at
        clock.move(timedelta(days=7) - HOUR)
        assert refused(new.refresh) == "session_expired/absolute"

    def test_lost_step_up_answer_is_recovered_with_previous_token(self, old, clock):
        step_up(old)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(old.refresh)
        assert recovered.refresh
        # The client that retries may be an attacker.
        assert not is_fresh(recovered)
        assert is_fresh(step_up(recovered))

    def test_lost_step_up_answer_is_repeated_at_once(self, old, clock):
        lost = step_up(old)
        again = step_up(old)
        assert again.refresh is None
        assert is_fresh(again)
        clock.move(AFTER_OVERLAP)
        assert refresh_session(old.refresh).refresh
        assert refused(lost.refresh) == "refresh_superseded"

    def test_attacker_with_previous_tokens_is_detected_after_step_up(self, old, clock):
        new = step_up(old)
        delivered(new, clock)
        assert refused(old.refresh) == "session_revoked"
        assert session_of(old).revoked_reason == "reuse"

    def test_attacker_with_older_tokens_is_detected_after_step_up(self, old, clock):
        new = step_up(old)
        clock.move(AFTER_OVERLAP)
        new = refresh_session(new.refresh)
        assert refused(old.refresh) == "session_revoked"
        assert session_of(old).revoked_reason == "reuse"
        assert call(new) == "session_revoked"

    def test_step_up_at_refresh_limit_succeeds(self, old, clock, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        first = step_up(old)
        assert first.refresh is not None
        clock.move(AFTER_OVERLAP)
        again = step_up(first)
        assert again.refresh is None
        assert is_fresh(again)


class TestInsideTheOverlap:
    """Step-up inside the overlap, and with an access token that is not the newest."""

    @pytest.fixture
    def rotated(self, old):
        return refresh_session(old.refresh)

    def test_step_up_right_after_rotation_gives_access_token_alone(self, rotated):
        new = step_up(rotated)
        assert (new.refresh, new.refresh_expires_at) == (None, None)
        assert is_fresh(new)
        assert family_of(new).generation == 2

    def test_step_up_right_after_rotation_leaves_previous_access_token(self, rotated):
        step_up(rotated)
        assert not is_fresh(rotated)

    def test_slow_sibling_after_step_up_is_not_reuse(self, old, rotated, clock):
        new = step_up(rotated)
        assert refresh_session(old.refresh).refresh is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(rotated.refresh).refresh
        assert call(new) == "ok"

    def test_refresh_token_gets_no_auth_time_from_step_up_after_rotation(self, rotated, clock):
        """The refresh token may have been copied before the re-authentication."""
        step_up(rotated)
        assert auth_time(refresh_session(rotated.refresh)) is None
        clock.move(AFTER_OVERLAP)
        later = refresh_session(rotated.refresh)
        assert later.refresh
        assert not is_fresh(later)
        assert auth_time(later) is None

    def test_step_up_at_instant_of_rotation_is_dated_after_rotation(self, rotated, clock):
        family = family_of(step_up(rotated))
        assert family.rotated_at == clock.now < family.authenticated_at

    def test_step_up_of_sibling_gives_access_token_alone(self, old, rotated, clock):
        clock.move(AFTER_OVERLAP)
        new = step_up(old)
        assert new.refresh is None
        assert is_fresh(new)
        assert not is_fresh(rotated)
        # The branch of the other sibling is unchanged.
        assert refresh_session(rotated.refresh).refresh

    def test_step_up_right_after_rotation_lasts_until_next_rotation(self, rotated, clock):
        new = step_up(rotated)
        clock.move(AFTER_OVERLAP)
        assert is_fresh(new)
        refresh_session(rotated.refresh)
        assert not is_fresh(new)
