"""Password change: the current session stays, with new tokens; all others are revoked."""

from contextlib import suppress
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import password_validation
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save

from refresh_sessions.database import ConcurrentUpdateError, in_outer_transaction
from refresh_sessions.exceptions import (
    DatabaseBusyError,
    InvalidTicketError,
    InvalidTokenError,
    SecondFactorRequiredError,
    SessionRevokedError,
)
from refresh_sessions.identity.passwords import keep_session, kept_session_id
from refresh_sessions.models import RevokedReason, SessionEvent
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    achange_password,
    change_password,
    check_access_token,
    finish_login,
    log_in,
    open_family,
    refresh_session,
    revoke_session,
    revoke_user_sessions,
)
from refresh_sessions.signals import session_refreshed, session_revoked
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    delivered,
    family_of,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.domain.step_up_actions import auth_time, is_fresh, step_up
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE
from tests.listeners import heard

pytestmark = pytest.mark.django_db

NEW = "another horse, another battery"


def change(pair, password=NEW, **options):
    return change_password(check_access_token(pair.access), password, **options)


class Policy(SessionPolicy):
    """A policy that fails when it adds claims after the password change."""

    def access_token_claims(self, user, *, session, request):
        if user.check_password(NEW):
            raise RuntimeError("no claims today")
        return {}


@pytest.fixture
def here(user):
    return make_pair(user, name="Laptop", methods=["pwd"])


@pytest.fixture
def there(user):
    return make_pair(user, name="Phone")


class TestCurrentSession:
    def test_password_change_stores_new_password(self, here, user):
        change(here)
        user.refresh_from_db()
        assert user.check_password(NEW)
        assert not user.check_password(PASSWORD)

    def test_password_change_keeps_session_with_new_tokens(self, here, clock):
        new = change(here)
        assert new.session.pk == here.session.pk
        assert session_of(here).revoked_at is None
        assert session_of(here).expires_at == here.session.expires_at
        assert call(new) == "ok"
        assert new.refresh not in {None, here.refresh}
        for _ in range(3):
            new = rotated(new, clock)
            assert call(new) == "ok"

    def test_password_change_supersedes_previous_tokens(self, here, clock):
        new = change(here)
        delivered(new, clock)
        assert refused(here.refresh) == "session_revoked"
        assert kinds(here)[-1] == "reuse_detected"

    def test_password_change_in_strict_mode_refuses_previous_tokens_at_once(self, here, options):
        options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)
        new = change(here)
        assert call(here) == "token_not_valid/token_superseded"
        assert call(new) == "ok"

    def test_lost_answer_of_password_change_is_recovered_with_previous_token(self, here, clock):
        change(here)
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(here.refresh)) == "ok"

    def test_password_change_keeps_auth_time(self, here, clock):
        before = auth_time(here)
        clock.move(timedelta(minutes=4))
        new = change(here)
        assert auth_time(new) == before
        assert is_fresh(new)
        clock.move(timedelta(minutes=2))
        assert not is_fresh(new)

    def test_password_change_does_not_extend_auth_time_of_access_token(self, here, clock):
        clock.move(timedelta(minutes=6))
        newer = refresh_session(here.refresh)
        stepped_up = step_up(newer)
        assert stepped_up.refresh is None
        clock.move(AFTER_OVERLAP)
        change(stepped_up)
        # A copied refresh token must not gain the auth_time of the access token.
        assert not is_fresh(refresh_session(newer.refresh))

    def test_password_change_right_after_rotation_keeps_refresh_token(self, here, clock):
        stepped_up = step_up(here)
        new = change(stepped_up)
        assert new.refresh is None
        assert call(new) == "ok"
        assert is_fresh(new)
        assert call(rotated(stepped_up, clock)) == "ok"

    def test_password_change_at_refresh_limit_succeeds(self, here, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = change(here)
        assert new.refresh is not None
        again = change(new, "yet another horse")
        assert again.refresh is None
        assert call(again) == "ok"

    def test_password_change_keeps_other_families_of_session(self, here, clock):
        families = open_family(check_access_token(here.access), here.refresh)
        watch = families.opened
        change(families.current)
        assert call(watch) == "ok"
        assert call(rotated(watch, clock)) == "ok"

    def test_password_change_updates_user_of_grant(self, here, user):
        grant = check_access_token(here.access)
        change_password(grant, NEW)
        grant.user.save()
        user.refresh_from_db()
        assert user.check_password(NEW)

    @pytest.mark.parametrize("check", ["cache", "stateless"])
    def test_password_change_works_with_each_access_token_check(
        self, user, here, there, options, check
    ):
        options(ACCESS_TOKEN_CHECK=check)
        assert (call(here), call(there)) == ("ok", "ok")
        new = change(here)
        assert call(new) == "ok"
        assert check_access_token(new.access, in_database=True).session_id == new.session.pk
        if check == "cache":
            assert call(there) == "session_revoked"


class TestOtherSessions:
    def test_password_change_revokes_other_sessions(self, user, here, there, rf):
        third, stranger = make_pair(user), make_pair(UserFactory())
        request = rf.get("/", REMOTE_ADDR="192.0.2.7")
        with heard(session_revoked) as revoked:
            change(here, request=request)
        for other in (there, third):
            session = session_of(other)
            assert session.revoked_reason == RevokedReason.PASSWORD_CHANGED
            assert session.revoked_by == user
            assert call(other) == refused(other.refresh) == "session_revoked"
            assert kinds(other) == ["signed_in", "revoked"]
            event = session.events.get(kind="revoked")
            assert event.ip_address == "192.0.2.7"
            assert event.actor == user
            assert event.details == {"reason": "password_changed"}
        assert {one["session"].pk for one in revoked} == {there.session.pk, third.session.pk}
        assert len(revoked) == 2
        assert {one["reason"] for one in revoked} == {"password_changed"}
        assert call(stranger) == "ok"

    def test_password_change_keeps_reason_of_ended_session(self, here, there):
        revoke_session(there.session, reason="logout")
        with heard(session_revoked) as revoked:
            change(here)
        assert revoked == []
        assert session_of(there).revoked_reason == "logout"
        assert kinds(there) == ["signed_in", "signed_out"]

    def test_password_change_revokes_sessions_in_batches(self, user, here, monkeypatch):
        monkeypatch.setattr("refresh_sessions.sessions.password_change.BATCH_SIZE", 2)
        others = [make_pair(user) for _ in range(5)]
        change(here)
        assert [call(other) for other in others] == ["session_revoked"] * 5
        assert SessionEvent.objects.filter(kind="revoked").count() == 5

    def test_password_change_invalidates_ticket_of_second_step(self, options, ada):
        here = make_pair(ada, methods=["pwd", "otp"])
        options(SECOND_FACTORS=["tests.factors.Code"])
        with pytest.raises(SecondFactorRequiredError) as asked:
            log_in(ada, methods=["pwd"])
        change(here)
        with pytest.raises(InvalidTicketError):
            finish_login(asked.value.ticket, {"code": CODE})


class TestRecord:
    def test_password_change_records_one_event_with_signal(self, user, here, rf):
        request = rf.get("/", REMOTE_ADDR="192.0.2.7")
        with heard(session_refreshed) as refreshed, heard(session_revoked) as revoked:
            new = change(here, request=request)
        assert kinds(here) == ["signed_in", "password_changed"]
        event = session_of(here).events.get(kind="password_changed")
        assert (event.actor, event.ip_address) == (user, "192.0.2.7")
        assert [one["generation"] for one in refreshed] == [new.family.generation]
        assert revoked == []

    def test_password_change_signals_are_sent_after_commit(self, here, there):
        seen = []

        def listen(session, **kwargs):
            seen.append((session.pk, in_outer_transaction("default")))

        session_revoked.connect(listen, weak=False)
        try:
            change(here)
        finally:
            session_revoked.disconnect(listen)
        assert seen == [(there.session.pk, False)]

    def test_password_change_notifies_validators(self, here, user, monkeypatch):
        told = []
        monkeypatch.setattr(
            password_validation,
            "password_changed",
            lambda password, user, **options: told.append((password, user.pk)),
        )
        change(here)
        assert told == [(NEW, user.pk)]


class TestRefusals:
    def test_password_change_in_revoked_session_is_refused(self, here, user):
        grant = check_access_token(here.access)
        revoke_session(here.session, reason="admin")
        with pytest.raises(SessionRevokedError):
            change_password(grant, NEW)
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_password_change_after_concurrent_change_is_refused(self, here, there, user):
        grant = check_access_token(there.access)
        change(here)
        with pytest.raises(SessionRevokedError):
            change_password(grant, "a third horse")
        user.refresh_from_db()
        assert user.check_password(NEW)

    def test_password_change_with_superseded_access_token_is_refused(self, here, clock, user):
        grant = check_access_token(here.access)
        rotated(here, clock, times=2)
        with pytest.raises(InvalidTokenError):
            change_password(grant, NEW)
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_password_change_of_deleted_account_is_refused(self, here, user):
        grant = check_access_token(here.access)
        user.delete()
        with pytest.raises(SessionRevokedError):
            change_password(grant, NEW)

    def test_password_change_with_failing_policy_changes_nothing(self, here, there, user, options):
        options(POLICY=f"{__name__}.Policy")
        grant = check_access_token(here.access)
        with pytest.raises(RuntimeError), heard(session_revoked) as revoked:
            change_password(grant, NEW)
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        assert grant.user.check_password(PASSWORD)
        assert (call(here), call(there), revoked) == ("ok", "ok", [])
        assert (family_of(here).generation, kinds(here)) == (1, ["signed_in"])


@pytest.mark.django_db(transaction=True)
class TestTransactionOfTheCaller:
    def test_password_change_in_committed_transaction_is_stored(self, here, there):
        with heard(session_revoked) as revoked, transaction.atomic():
            new = change(here)
            assert revoked == []
        assert len(revoked) == 1
        assert (call(new), call(there)) == ("ok", "session_revoked")

    def test_password_change_in_rolled_back_transaction_is_undone(self, here, there, user, clock):
        with heard(session_revoked) as revoked, transaction.atomic():
            change(here)
            transaction.set_rollback(True)
        assert revoked == []
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        assert (call(here), call(there)) == ("ok", "ok")
        assert call(rotated(here, clock)) == "ok"

    def test_password_change_of_concurrently_changed_row_is_a_busy_database(
        self, here, monkeypatch
    ):
        grant = check_access_token(here.access)
        monkeypatch.setattr(
            "refresh_sessions.sessions.password_change.compare_and_swap", lose_the_race
        )
        with pytest.raises(DatabaseBusyError), transaction.atomic():
            change_password(grant, NEW)


def lose_the_race(*args, **kwargs):
    raise ConcurrentUpdateError


def test_async_password_change_matches_sync(here, there):
    grant = check_access_token(here.access)
    new = async_to_sync(achange_password)(grant, NEW)
    assert (call(new), call(there)) == ("ok", "session_revoked")


class TestKeptSession:
    def test_kept_session_survives_save_of_user(self, here, user, monkeypatch):
        seen = []
        save = type(user).save
        monkeypatch.setattr(
            type(user),
            "save",
            lambda self, **options: seen.append(kept_session_id()) or save(self, **options),
        )
        change(here)
        assert seen == [here.session.pk]
        assert kept_session_id() is None

    def test_kept_session_survives_revoking_receiver(self, here, there, user):
        found = []

        def revoke(instance, **kwargs):
            kept = kept_session_id()
            found.append(revoke_user_sessions(instance, keep=kept, reason="password_changed"))

        post_save.connect(revoke, sender=type(user))
        try:
            new = change(here)
        finally:
            post_save.disconnect(revoke, sender=type(user))
        assert found == [0]
        assert (call(new), call(there)) == ("ok", "session_revoked")
        assert kinds(there) == ["signed_in", "revoked"]

    def test_kept_session_is_revocable_after_error(self, here):
        with suppress(DatabaseError), keep_session(here.session.pk):
            assert kept_session_id() == here.session.pk
            raise DatabaseError
        assert kept_session_id() is None


def test_password_change_leaves_connection_without_transaction(here):
    change(here)
    assert not in_outer_transaction(connection.alias)
