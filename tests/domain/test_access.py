"""The three checks of access tokens: session, stateless and cache."""

from datetime import timedelta

import pytest
from django.core.cache.backends.locmem import LocMemCache

from refresh_sessions.sessions import check_access_token, refresh_session, revoke_session
from refresh_sessions.tokens.keys import Purpose
from tests.domain.client_actions import STORED_BY_THEN, call, session_of
from tests.factories import UserFactory, make_pair
from tests.unit.forge import remake

pytestmark = pytest.mark.django_db


class TestSession:
    def test_database_check_takes_one_query_with_the_user(
        self, pair, user, django_assert_num_queries
    ):
        with django_assert_num_queries(1):
            grant = check_access_token(pair.access)
            assert grant.user == user
            assert grant.user.is_active
            assert grant.session.pk == grant.session_id == pair.session.pk

    def test_database_check_with_subject_of_another_user_is_refused(self, pair):
        other = UserFactory()
        assert call_with(pair, sub=str(other.pk)) == "token_not_valid"

    def test_database_check_with_family_of_another_session_is_refused(self, pair, user):
        other = make_pair(user)
        assert call_with(pair, sid=str(other.session.pk)) == "token_not_valid"

    def test_database_check_with_closed_family_is_refused(self, pair, clock):
        pair.session.families.update(closed_at=clock.now)
        assert call(pair) == "session_revoked"

    def test_database_check_reads_user_id_field(self, user, options):
        options(USER_ID_FIELD=type(user).USERNAME_FIELD)
        pair = make_pair(user)
        assert check_access_token(pair.access).claims.subject == user.get_username()
        assert call(pair) == "ok"


def call_with(pair, **claims):
    class Forged:
        access = remake(pair.access, Purpose.ACCESS, claims=claims)

    return call(Forged)


class TestStateless:
    @pytest.fixture(autouse=True)
    def _stateless(self, options):
        options(ACCESS_TOKEN_CHECK="stateless")

    def test_stateless_check_takes_no_query(self, pair, user, django_assert_num_queries):
        with django_assert_num_queries(0):
            grant = check_access_token(pair.access)
            assert grant.user.pk == user.pk
            assert grant.user.is_authenticated
            assert grant.session is None

    def test_stateless_user_field_is_read_on_first_access(self, pair, user):
        assert check_access_token(pair.access).user.get_username() == user.get_username()

    def test_stateless_check_accepts_revoked_session_until_token_expires(self, pair):
        revoke_session(pair.session, reason="admin")
        assert call(pair) == "ok"

    def test_stateless_check_with_override_reads_database(self, pair):
        assert check_access_token(pair.access, in_database=True).session == pair.session

    def test_stateless_check_with_subject_of_wrong_type_is_refused(self, pair):
        assert call_with(pair, sub="nobody") == "token_not_valid"

    def test_stateless_check_reads_user_id_field(self, user, options):
        options(USER_ID_FIELD=type(user).USERNAME_FIELD)
        pair = make_pair(user)
        assert check_access_token(pair.access).user == user
        user.delete()
        assert call(pair) == "token_not_valid"


class TestCache:
    @pytest.fixture(autouse=True)
    def _cached(self, options):
        options(ACCESS_TOKEN_CHECK="cache")

    def test_cache_check_reads_database_once(self, pair, user, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert check_access_token(pair.access).user == user
        with django_assert_num_queries(0):
            assert check_access_token(pair.access).user.pk == user.pk

    def test_cache_check_reads_database_again_after_timeout(
        self, pair, clock, django_assert_num_queries
    ):
        assert call(pair) == "ok"
        clock.move(timedelta(seconds=61))
        with django_assert_num_queries(1):
            assert call(pair) == "ok"

    def test_cache_check_of_newer_generation_reads_database(
        self, pair, clock, django_assert_num_queries
    ):
        assert call(pair) == "ok"
        new = refresh_session(pair.refresh)
        clock.move(STORED_BY_THEN)
        with django_assert_num_queries(2):  # The second query records the delivery.
            assert call(new) == "ok"
        with django_assert_num_queries(0):
            assert call(new) == "ok"

    def test_cache_check_of_another_subject_is_refused(self, pair):
        assert call(pair) == "ok"
        assert call_with(pair, sub=str(UserFactory().pk)) == "token_not_valid"

    def test_cache_check_with_broken_cache_reads_database(self, pair, monkeypatch, caplog):
        def fail(*args, **kwargs):
            raise ConnectionError

        assert call(pair) == "ok"
        for method in ("get_many", "add", "set", "set_many", "delete", "delete_many"):
            monkeypatch.setattr(LocMemCache, method, fail)
        # Another test may have logged the same outage.
        monkeypatch.setattr("refresh_sessions.burst_log.REPEAT_AFTER", 0.0)
        assert call(pair) == "ok"
        revoke_session(pair.session, reason="admin")
        assert call(pair) == "session_revoked"
        assert session_of(pair).revoked_at is not None
        assert "cache" in caplog.text
