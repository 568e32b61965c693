"""Revocation of sessions when their account changes."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core import serializers
from django.db import connection, models, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from refresh_sessions.exceptions import SessionLimitReachedError, SessionRevokedError
from refresh_sessions.identity import authenticate
from refresh_sessions.models import DeviceSession, RevokedReason, SessionStatus
from refresh_sessions.sessions import (
    account_changes,
    change_password,
    check_access_token,
    read_grant,
    refresh_session,
    revoke,
    revoke_user_sessions,
    start_session,
)
from refresh_sessions.sessions.queries import own_live_sessions
from refresh_sessions.signals import session_revoked
from tests.domain.client_actions import call, kinds, refused, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.listeners import heard
from tests.user_models import part_of

pytestmark = pytest.mark.django_db

INACTIVE, CHANGED = RevokedReason.USER_INACTIVE.value, RevokedReason.PASSWORD_CHANGED.value

ACCOUNTS = get_user_model()


def reload(user):
    return ACCOUNTS.objects.get(pk=user.pk)


def deactivate(user):
    user.is_active = False
    return INACTIVE


def set_password(user):
    user.set_password("another battery staple")
    return CHANGED


def lock_out(user, how):
    """Change the stored account without a signal; return the expected reason."""
    if how is deactivate:
        ACCOUNTS.objects.filter(pk=user.pk).update(is_active=False)
        return INACTIVE
    ACCOUNTS.objects.filter(pk=user.pk).update(password=make_password("by SQL"))
    return CHANGED


def rolled_back(change):
    """Change the account in a transaction, then roll back."""
    with transaction.atomic():
        change()
        transaction.set_rollback(True)


both_ways = pytest.mark.parametrize("how", [deactivate, set_password])


def reason_of(pair) -> str:
    return session_of(pair).revoked_reason


@contextmanager
def queries_of_sessions():
    """The statements that read or write the tables of the package."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    found += [query["sql"] for query in queries if "refresh_sessions_" in query["sql"]]


class TestSaveOfTheUser:
    @both_ways
    @pytest.mark.parametrize("fields", [False, True])
    def test_save_of_changed_account_revokes_sessions(self, user, pair, how, fields):
        user = reload(user)
        reason = how(user)
        changed = ["is_active"] if how is deactivate else ["password"]
        with heard(session_revoked) as announced:
            user.save(update_fields=changed if fields else None)
        assert reason_of(pair) == reason
        assert kinds(pair) == ["signed_in", "revoked"]
        assert session_of(pair).events.get(kind="revoked").details == {"reason": reason}
        assert [(one["session"].pk, one["reason"]) for one in announced] == [
            (pair.session.pk, reason)
        ]

    def test_save_of_reactivated_user_leaves_sessions_revoked(self, user, pair):
        user.is_active = False
        user.save()
        user.is_active = True
        user.save()
        assert (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")
        assert kinds(pair) == ["signed_in", "revoked"]

    @pytest.mark.parametrize("fields", [False, True])
    def test_save_with_expression_revokes(self, user, pair, fields):
        user = reload(user)
        user.is_active = F("is_superuser")
        user.save(update_fields=["is_active"] if fields else None)
        assert reason_of(pair) == INACTIVE

    def test_save_of_constructed_object_with_existing_key_revokes(self, user, pair):
        names = [field.attname for field in ACCOUNTS._meta.concrete_fields]
        values = {name: getattr(user, name) for name in names}
        ACCOUNTS(**{**values, "is_active": False}).save(force_update=True)
        assert reason_of(pair) == INACTIVE

    def test_loaded_fixture_with_other_password_revokes(self, user, pair):
        stored = reload(user)
        stored.set_password("from a fixture")
        (loaded,) = serializers.deserialize("json", serializers.serialize("json", [stored]))
        loaded.save()
        assert reason_of(pair) == CHANGED

    def test_save_of_user_with_deferred_password_revokes(self, user, pair):
        partial = ACCOUNTS.objects.only("pk").get(pk=user.pk)
        partial.set_password("another")
        partial.save()
        assert reason_of(pair) == CHANGED

    def test_save_without_the_changed_field_revokes_nothing(self, user, pair):
        user = reload(user)
        user.is_active = False
        user.set_password("not stored")
        user.save(update_fields=["last_login"])
        assert call(pair) == "ok"
        user.save()
        assert reason_of(pair) == INACTIVE

    def test_save_of_one_user_keeps_sessions_of_others(self, user, pair):
        other = make_pair()
        deactivate(user)
        user.save()
        assert (reason_of(pair), call(other)) == (INACTIVE, "ok")

    def test_save_leaves_ended_sessions_as_they_were(self, user, clock, options):
        options(SESSION_LIFETIME=timedelta(days=1))
        expired = make_pair(user)
        clock.move(timedelta(days=1))
        revoked = make_pair(user)
        revoke_user_sessions(user, reason="mine")
        deactivate(user)
        with heard(session_revoked) as announced:
            user.save()
        assert [reason_of(expired), reason_of(revoked), announced] == ["", "mine", []]

    def test_save_revokes_in_batches(self, user, monkeypatch):
        monkeypatch.setattr(revoke, "BATCH_SIZE", 2)
        pairs = [make_pair(user) for _ in range(5)]
        set_password(user)
        with heard(session_revoked) as announced:
            user.save()
        assert {reason_of(pair) for pair in pairs} == {CHANGED}
        assert len({one["session"].pk for one in announced}) == len(announced) == 5

    def test_save_with_unreachable_sessions_stores_the_user(self, user, pair, monkeypatch):
        def fail(*_, **__):
            raise account_changes.DatabaseBusyError

        monkeypatch.setattr(account_changes, "revoke_locked_out", fail)
        deactivate(user)
        user.save()
        assert reload(user).is_active is False
        assert call(pair) == "session_revoked"
        assert reason_of(pair) == INACTIVE

    def test_password_change_in_a_session_keeps_the_session(self, user):
        kept, other = make_pair(user), make_pair(user)
        with heard(session_revoked) as announced:
            pair = change_password(check_access_token(kept.access), "another battery staple")
        assert (call(pair), call(other)) == ("ok", "session_revoked")
        assert [one["session"].pk for one in announced] == [other.session.pk]
        assert DeviceSession.objects.active().get().pk == kept.session.pk

    def test_newer_hash_of_the_same_password_revokes_nothing(self, user, pair, settings):
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
            *settings.PASSWORD_HASHERS,
        ]
        before = reload(user).password
        assert authenticate(None, username=user.get_username(), password=PASSWORD) == user
        assert reload(user).password != before
        assert call(pair) == "ok"
        assert DeviceSession.objects.active().count() == 1


class TestRolledBackSave:
    @pytest.mark.django_db(transaction=True)
    @both_ways
    def test_rolled_back_save_revokes_nothing_until_saved_again(self, user, pair, how):
        user = reload(user)
        how(user)
        with heard(session_revoked) as announced:
            rolled_back(user.save)
            assert (reason_of(pair), call(pair), announced) == ("", "ok", [])
            # The object has the old values; the row does not.
            with transaction.atomic():
                user.save()
                assert announced == []
            assert len(announced) == 1
        assert call(pair) == "session_revoked"

    @pytest.mark.django_db(transaction=True)
    def test_rolled_back_savepoint_revokes_nothing(self, user, pair):
        deactivate(user)
        with transaction.atomic():
            rolled_back(user.save)
            user.is_active = True
            user.save()
        assert call(pair) == "ok"


class TestQueries:
    def test_save_of_unchanged_user_takes_no_query(self, user, pair):
        user = reload(user)
        with queries_of_sessions() as found:
            user.save()
            user.save(update_fields=["last_login"])
            user.save(update_fields=[])
        assert found == []

    def test_save_of_last_login_takes_no_query_with_any_deferred_fields(self, user, pair):
        partial = ACCOUNTS.objects.only("last_login").get(pk=user.pk)
        with queries_of_sessions() as found:
            partial.last_login = None
            partial.save(update_fields=["last_login"])
            partial.save()
        assert found == []

    def test_creation_of_a_user_takes_no_query(self, db):
        with queries_of_sessions() as found:
            UserFactory().save()
        assert found == []

    @both_ways
    def test_changed_user_without_sessions_takes_one_query(self, user, how):
        user = reload(user)
        how(user)
        with queries_of_sessions() as found:
            user.save()
            user.save()
        assert len(found) == 1

    def test_reading_users_takes_no_extra_query(self, user, django_assert_num_queries):
        with django_assert_num_queries(1):
            list(ACCOUNTS.objects.all())
        with django_assert_num_queries(1):
            list(ACCOUNTS.objects.only("pk"))


class TestModelsOfTheUser:
    @both_ways
    def test_save_through_a_proxy_or_child_revokes(self, part_model, user, pair, how):
        part = part_of(user, part_model)
        part.save()
        assert call(pair) == "ok"
        reason = how(part)
        part.save()
        assert reason_of(pair) == reason

    @pytest.mark.parametrize("part_model", ["child", "proxy of a child"], indirect=True)
    def test_deletion_of_a_child_without_the_user_revokes_nothing(self, part_model, user, pair):
        part = part_of(user, part_model)
        with heard(session_revoked) as announced:
            part.delete(keep_parents=True)
        assert (call(pair), announced) == ("ok", [])

    def test_deletion_through_a_proxy_or_child_is_announced_once(self, part_model, user, pair):
        part = part_of(user, part_model)
        with heard(session_revoked) as announced:
            part.delete()
        assert [one["reason"] for one in announced] == [RevokedReason.USER_DELETED]

    def test_other_models_have_no_receivers(self):
        assert models.signals.post_init.has_listeners(ACCOUNTS)
        assert not models.signals.post_init.has_listeners(DeviceSession)

    def test_computed_session_hash_is_compared_on_save(self, user, pair, monkeypatch):
        original = ACCOUNTS.get_session_auth_hash
        monkeypatch.setattr(
            ACCOUNTS, "get_session_auth_hash", lambda self: original(self) + self.get_username()
        )
        account_changes._watched.cache_clear()
        try:
            pair = make_pair(user)
            user = reload(user)
            with queries_of_sessions() as found:
                user.last_login = None
                user.is_superuser = True
                user.save()
            assert found == []
            assert call(pair) == "ok"
            setattr(user, ACCOUNTS.USERNAME_FIELD, "renamed@example.org")
            user.save()
            assert reason_of(pair) == CHANGED
        finally:
            account_changes._watched.cache_clear()


class TestDeletionOfTheUser:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("way", ["object", "queryset"])
    def test_deleted_user_is_announced_once_per_session(self, user, pair, way):
        accounts = ACCOUNTS.objects.filter(pk=user.pk)
        with heard(session_revoked) as announced:
            (accounts if way == "queryset" else accounts.get()).delete()
        assert [(one["session"].pk, one["reason"]) for one in announced] == [
            (pair.session.pk, RevokedReason.USER_DELETED)
        ]
        assert refused(pair.refresh) == "session_revoked"

    @pytest.mark.django_db(transaction=True)
    def test_rolled_back_deletion_is_not_announced(self, user, pair):
        with heard(session_revoked) as announced:
            rolled_back(user.delete)
        assert announced == []
        assert call(pair) == "ok"

    @pytest.mark.django_db(transaction=True)
    def test_deleted_user_is_refused_by_the_cache_check_at_once(self, user, options):
        options(ACCESS_TOKEN_CHECK="cache")
        pair = make_pair(user)
        assert call(pair) == "ok"
        user.delete()
        assert call(pair) == "session_revoked"


class TestRefusedCall:
    @both_ways
    @pytest.mark.parametrize("check", ["session", "cache"])
    def test_first_refused_call_revokes_session_once(self, user, options, how, check, rf):
        options(ACCESS_TOKEN_CHECK=check)
        pair = make_pair(user)
        reason = lock_out(user, how)
        request = rf.get("/", REMOTE_ADDR="203.0.113.5")
        with heard(session_revoked) as announced:
            for _ in range(2):
                with pytest.raises(SessionRevokedError):
                    check_access_token(pair.access, request=request)
        assert reason_of(pair) == reason
        assert [one["reason"] for one in announced] == [reason]
        assert session_of(pair).events.get(kind="revoked").ip_address == "203.0.113.5"

    def test_account_restored_after_a_refused_call_does_not_restore_the_session(self, user, pair):
        lock_out(user, deactivate)
        assert call(pair) == "session_revoked"
        ACCOUNTS.objects.update(is_active=True)
        assert (call(pair), refused(pair.refresh)) == ("session_revoked", "session_revoked")

    @both_ways
    def test_reloaded_grant_of_changed_account_revokes_session(self, user, options, how):
        options(ACCESS_TOKEN_CHECK="stateless")
        pair = make_pair(user)
        grant = check_access_token(pair.access)
        reason = lock_out(user, how)
        with pytest.raises(SessionRevokedError):
            read_grant(grant)
        assert reason_of(pair) == reason

    def test_call_of_changed_account_is_refused_without_revocation(self, user, pair, monkeypatch):
        def fail(*_, **__):
            raise account_changes.DatabaseBusyError

        monkeypatch.setattr(account_changes, "revoke_session", fail)
        lock_out(user, deactivate)
        assert call(pair) == "session_revoked"
        assert reason_of(pair) == ""

    @both_ways
    def test_refused_refresh_revokes_session_once(self, user, pair, how):
        reason = lock_out(user, how)
        with heard(session_revoked) as announced:
            assert [refused(pair.refresh), call(pair)] == ["session_revoked"] * 2
        assert (reason_of(pair), len(announced)) == (reason, 1)

    def test_ordinary_call_takes_one_query_ordinary_refresh_two(
        self, user, pair, django_assert_num_queries
    ):
        with django_assert_num_queries(1):
            check_access_token(pair.access)
        with django_assert_num_queries(2):
            refresh_session(pair.refresh)


class TestLogin:
    def test_locked_out_sessions_do_not_count_against_limit(self, user, options):
        options(MAX_SESSIONS_PER_USER=1, ON_SESSION_LIMIT="deny")
        dead = make_pair(user)
        lock_out(user, set_password)
        with heard(session_revoked) as announced:
            pair = start_session(reload(user))
        assert (reason_of(dead), call(pair)) == (CHANGED, "ok")
        assert [one["reason"] for one in announced] == [CHANGED]
        with pytest.raises(SessionLimitReachedError):
            start_session(reload(user))

    def test_oldest_usable_session_is_revoked_for_the_limit(self, user, options):
        options(MAX_SESSIONS_PER_USER=2)
        dead = make_pair(user)
        lock_out(user, set_password)
        user = reload(user)
        pairs = [make_pair(user) for _ in range(3)]
        assert [reason_of(pair) for pair in (dead, *pairs)] == [CHANGED, "session_limit", "", ""]

    def test_login_with_an_older_object_revokes_no_session_of_the_present_password(
        self, user, options
    ):
        options(MAX_SESSIONS_PER_USER=5)
        older = reload(user)
        lock_out(user, set_password)
        pair = make_pair(reload(user))
        start_session(older)
        assert call(pair) == "ok"


class TestLists:
    @both_ways
    def test_locked_out_sessions_are_not_active(self, user, pair, how):
        reason = lock_out(user, how)
        other = make_pair()
        assert [session.pk for session in DeviceSession.objects.active()] == [other.session.pk]
        assert [session.pk for session in DeviceSession.objects.revoked()] == [pair.session.pk]
        assert not own_live_sessions(reload(user)).exists()
        session = session_of(pair)
        assert (session.status, session.account_reason) == (SessionStatus.REVOKED, reason)
        assert session.reason == RevokedReason(reason).label
        assert session.revoked_at is None

    @both_ways
    def test_end_reason_is_read_with_the_sessions(
        self, user, pair, how, django_assert_num_queries
    ):
        reason = lock_out(user, how)
        with django_assert_num_queries(1):
            found = [
                session.account_reason
                for session in DeviceSession.objects.with_account_reason().defer("auth_hash")
            ]
        assert found == [reason]

    def test_each_session_has_one_status(self, user, clock, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(days=1))
        idle = make_pair(user)
        clock.move(timedelta(days=2))
        make_pair(user)
        lock_out(user, deactivate)
        live, revoked = make_pair(), make_pair()
        revoke_user_sessions(revoked.session.user, reason="mine")
        sessions = DeviceSession.objects
        found = [sessions.active(), sessions.expired(), sessions.revoked()]
        assert [queryset.count() for queryset in found] == [1, 1, 2]
        assert sessions.idle().get().pk == idle.session.pk
        assert session_of(idle).status is SessionStatus.EXPIRED
        assert session_of(live).status is SessionStatus.LIVE

    def test_unusable_password_locks_sessions_out(self, user, pair):
        user.set_unusable_password()
        ACCOUNTS.objects.filter(pk=user.pk).update(password=user.password)
        assert not DeviceSession.objects.active().exists()

    @both_ways
    def test_revoking_all_sessions_revokes_locked_out_sessions_uncounted(self, user, pair, how):
        reason = lock_out(user, how)
        assert revoke_user_sessions(user, reason="admin") == 0
        assert reason_of(pair) == reason

    @both_ways
    def test_expired_sessions_are_revoked_for_the_reason_of_the_caller(
        self, user, clock, options, how
    ):
        options(SESSION_LIFETIME=timedelta(days=1))
        pair = make_pair(user)
        clock.move(timedelta(days=1))
        lock_out(user, how)
        assert revoke.revoke_sessions(DeviceSession.objects.all(), reason="admin") == 1
        assert reason_of(pair) == "admin"
