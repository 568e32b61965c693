"""Limits of a refresh: times, counts and the state of the account."""

from datetime import timedelta

import pytest

from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session
from tests.domain.client_actions import AFTER_OVERLAP, call, kinds, refused, rotated, session_of
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


class TestLimits:
    def test_refresh_after_hard_limit_is_refused(self, pair, clock):
        clock.move(timedelta(days=4))
        pair = refresh_session(pair.refresh)
        clock.move(session_of(pair).expires_at - clock.now - timedelta(microseconds=1))
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(microseconds=1))
        assert refused(pair.refresh) == "session_expired/absolute"
        assert call(pair) == "token_not_valid/token_expired"
        assert kinds(pair) == ["signed_in"]

    def test_refresh_after_idle_limit_is_refused(self, pair, clock, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(hours=1))
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(hours=1) - timedelta(microseconds=1))
        pair = refresh_session(pair.refresh)
        clock.move(timedelta(hours=1))
        assert refused(pair.refresh) == "session_expired/idle"
        assert session_of(pair).revoked_at is None

    def test_access_token_expires_at_idle_limit(self, options, clock):
        options(REFRESH_TOKEN_LIFETIME=timedelta(minutes=1))
        pair = make_pair()
        clock.move(timedelta(minutes=1))
        assert call(pair) == "token_not_valid/token_expired"

    def test_refresh_beyond_refresh_limit_is_refused(self, pair, clock, options):
        options(MAX_REFRESHES_PER_SESSION=3)
        pair = rotated(pair, clock, times=3)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/refresh_limit"
        assert refused(pair.refresh) == "session_expired/refresh_limit"
        assert call(pair) == "ok"

    def test_refresh_limit_is_counted_at_rotation_alone(
        self, pair, options, django_assert_num_queries
    ):
        options(MAX_REFRESHES_PER_SESSION=3)
        refresh_session(pair.refresh)
        with django_assert_num_queries(2):  # The second query records the answered sibling.
            assert refresh_session(pair.refresh).refresh is None
        with django_assert_num_queries(1):
            assert refresh_session(pair.refresh).refresh is None

    def test_access_token_expires_with_the_session(self, options, clock):
        options(SESSION_LIFETIME=timedelta(minutes=5))
        pair = make_pair()
        assert pair.access_expires_at <= session_of(pair).expires_at
        assert pair.refresh_expires_at <= session_of(pair).expires_at


class TestAccount:
    def test_refresh_of_deactivated_user_is_refused(self, pair, user):
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "user_inactive"

    def test_refresh_of_deleted_user_is_refused(self, pair, user):
        user.delete()
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert not DeviceSession.objects.exists()

    def test_refresh_after_password_change_on_any_path_is_refused(self, pair, user):
        user.set_password("another")
        type(user).objects.filter(pk=user.pk).update(password=user.password)
        assert call(pair) == "session_revoked"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "password_changed"

    def test_refresh_after_rotated_secret_key_succeeds(self, pair, clock, settings):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "n" * 50
        assert call(pair) == "ok"
        new = refresh_session(pair.refresh)
        settings.SECRET_KEY_FALLBACKS = []
        assert call(new) == "ok"
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(new.refresh)) == "ok"
