"""Changing one's password: this device stays signed in, with new tokens, and no other does."""

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
from tests.domain.steps import auth_time, is_fresh, step_up
from tests.domain.stories import (
    AFTER_OVERLAP,
    call,
    delivered,
    family_of,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE
from tests.listeners import heard

pytestmark = pytest.mark.django_db

NEW = "another horse, another battery"


def change(pair, password=NEW, **options):
    return change_password(check_access_token(pair.access), password, **options)


class Policy(SessionPolicy):
    """Fails once it is asked about the claims of a changed password."""

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


class TestThisDevice:
    def test_password_is_the_new_one(self, here, user):
        change(here)
        user.refresh_from_db()
        assert user.check_password(NEW)
        assert not user.check_password(PASSWORD)

    def test_session_goes_on_with_new_tokens(self, here, clock):
        new = change(here)
        assert new.session.pk == here.session.pk
        assert session_of(here).revoked_at is None
        assert session_of(here).expires_at == here.session.expires_at
        assert call(new) == "ok"
        assert new.refresh not in {None, here.refresh}
        for _ in range(3):
            new = rotated(new, clock)
            assert call(new) == "ok"

    def test_tokens_from_before_become_unusable_as_after_a_step_up(self, here, clock):
        new = change(here)
        delivered(new, clock)
        assert refused(here.refresh) == "session_revoked"
        assert kinds(here)[-1] == "reuse_detected"

    def test_strict_mode_refuses_the_tokens_from_before_at_once(self, here, options):
        options(ROTATION_OVERLAP=timedelta(0), LOST_RESPONSE_RECOVERY=False)
        new = change(here)
        assert call(here) == "token_not_valid/token_superseded"
        assert call(new) == "ok"

    def test_lost_answer_is_recovered_with_the_token_from_before(self, here, clock):
        change(here)
        clock.move(AFTER_OVERLAP)
        assert call(refresh_session(here.refresh)) == "ok"

    def test_new_tokens_vouch_for_the_same_proof_of_identity(self, here, clock):
        before = auth_time(here)
        clock.move(timedelta(minutes=4))
        new = change(here)
        assert auth_time(new) == before
        assert is_fresh(new)
        clock.move(timedelta(minutes=2))
        assert not is_fresh(new)

    def test_proof_given_to_an_access_token_alone_goes_to_no_refresh_token(self, here, clock):
        clock.move(timedelta(minutes=6))
        newer = refresh_session(here.refresh)
        proven = step_up(newer)
        assert proven.refresh is None
        clock.move(AFTER_OVERLAP)
        change(proven)
        # Somebody may have copied the refresh token, which never vouched for it.
        assert not is_fresh(refresh_session(newer.refresh))

    def test_moments_after_a_rotation_the_client_keeps_its_refresh_token(self, here, clock):
        stepped_up = step_up(here)
        new = change(stepped_up)
        assert new.refresh is None
        assert call(new) == "ok"
        assert is_fresh(new)
        assert call(rotated(stepped_up, clock)) == "ok"

    def test_limit_of_refreshes_is_no_reason_to_refuse(self, here, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        new = change(here)
        assert new.refresh is not None
        again = change(new, "yet another horse")
        assert again.refresh is None
        assert call(again) == "ok"

    def test_other_families_of_the_session_go_on(self, here, clock):
        families = open_family(check_access_token(here.access), here.refresh)
        watch = families.opened
        change(families.current)
        assert call(watch) == "ok"
        assert call(rotated(watch, clock)) == "ok"

    def test_user_of_the_grant_has_the_new_password_too(self, here, user):
        grant = check_access_token(here.access)
        change_password(grant, NEW)
        grant.user.save()
        user.refresh_from_db()
        assert user.check_password(NEW)

    @pytest.mark.parametrize("check", ["cache", "stateless"])
    def test_access_token_check_makes_no_difference(self, user, here, there, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        assert (call(here), call(there)) == ("ok", "ok")
        new = change(here)
        assert call(new) == "ok"
        assert check_access_token(new.access, in_database=True).session_id == new.session.pk
        if check == "cache":
            assert call(there) == "session_revoked"


class TestOtherDevices:
    def test_sessions_are_revoked_for_the_changed_password(self, user, here, there, rf):
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

    def test_session_that_has_ended_before_keeps_its_reason(self, here, there):
        revoke_session(there.session, reason="logout")
        with heard(session_revoked) as revoked:
            change(here)
        assert revoked == []
        assert session_of(there).revoked_reason == "logout"
        assert kinds(there) == ["signed_in", "signed_out"]

    def test_sessions_are_revoked_in_batches(self, user, here, monkeypatch):
        monkeypatch.setattr("refresh_sessions.sessions.password_change.BATCH_SIZE", 2)
        others = [make_pair(user) for _ in range(5)]
        change(here)
        assert [call(other) for other in others] == ["session_revoked"] * 5
        assert SessionEvent.objects.filter(kind="revoked").count() == 5

    def test_sign_in_that_waits_for_its_second_step_begins_anew(self, options, ada):
        here = make_pair(ada, methods=["pwd", "otp"])
        options(SECOND_FACTORS=["tests.factors.Code"])
        with pytest.raises(SecondFactorRequiredError) as asked:
            log_in(ada, methods=["pwd"])
        change(here)
        with pytest.raises(InvalidTicketError):
            finish_login(asked.value.ticket, {"code": CODE})


class TestRecord:
    def test_session_has_one_event_and_signal(self, user, here, rf):
        request = rf.get("/", REMOTE_ADDR="192.0.2.7")
        with heard(session_refreshed) as refreshed, heard(session_revoked) as revoked:
            new = change(here, request=request)
        assert kinds(here) == ["signed_in", "password_changed"]
        event = session_of(here).events.get(kind="password_changed")
        assert (event.actor, event.ip_address) == (user, "192.0.2.7")
        assert [one["generation"] for one in refreshed] == [new.family.generation]
        assert revoked == []

    def test_listeners_hear_of_it_once_it_is_committed(self, here, there):
        seen = []

        def listen(session, **kwargs):
            seen.append((session.pk, in_outer_transaction("default")))

        session_revoked.connect(listen, weak=False)
        try:
            change(here)
        finally:
            session_revoked.disconnect(listen)
        assert seen == [(there.session.pk, False)]

    def test_validators_are_told_of_the_new_password(self, here, user, monkeypatch):
        told = []
        monkeypatch.setattr(
            password_validation,
            "password_changed",
            lambda password, user, **options: told.append((password, user.pk)),
        )
        change(here)
        assert told == [(NEW, user.pk)]


class TestRefusals:
    def test_session_that_ended_meanwhile_is_refused(self, here, user):
        grant = check_access_token(here.access)
        revoke_session(here.session, reason="admin")
        with pytest.raises(SessionRevokedError):
            change_password(grant, NEW)
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_password_that_was_changed_meanwhile_stays(self, here, there, user):
        grant = check_access_token(there.access)
        change(here)
        with pytest.raises(SessionRevokedError):
            change_password(grant, "a third horse")
        user.refresh_from_db()
        assert user.check_password(NEW)

    def test_access_token_that_was_superseded_meanwhile_is_refused(self, here, clock, user):
        grant = check_access_token(here.access)
        rotated(here, clock, times=2)
        with pytest.raises(InvalidTokenError):
            change_password(grant, NEW)
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_account_that_was_deleted_meanwhile_is_refused(self, here, user):
        grant = check_access_token(here.access)
        user.delete()
        with pytest.raises(SessionRevokedError):
            change_password(grant, NEW)

    def test_policy_that_fails_leaves_everything_as_it_was(self, here, there, user, options):
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
    def test_commit_makes_it_so(self, here, there):
        with heard(session_revoked) as revoked, transaction.atomic():
            new = change(here)
            assert revoked == []
        assert len(revoked) == 1
        assert (call(new), call(there)) == ("ok", "session_revoked")

    def test_rollback_undoes_it(self, here, there, user, clock):
        with heard(session_revoked) as revoked, transaction.atomic():
            change(here)
            transaction.set_rollback(True)
        assert revoked == []
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        assert (call(here), call(there)) == ("ok", "ok")
        assert call(rotated(here, clock)) == "ok"

    def test_row_that_changed_since_the_caller_looked_is_a_busy_database(self, here, monkeypatch):
        grant = check_access_token(here.access)
        monkeypatch.setattr(
            "refresh_sessions.sessions.password_change.compare_and_swap", lose_the_race
        )
        with pytest.raises(DatabaseBusyError), transaction.atomic():
            change_password(grant, NEW)


def lose_the_race(*args, **kwargs):
    raise ConcurrentUpdateError


def test_async_twin_does_the_same(here, there):
    grant = check_access_token(here.access)
    new = async_to_sync(achange_password)(grant, NEW)
    assert (call(new), call(there)) == ("ok", "session_revoked")


class TestKeptSession:
    def test_session_is_kept_while_the_user_is_saved(self, here, user, monkeypatch):
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

    def test_receiver_that_revokes_at_the_save_spares_it_and_finds_nothing_else(
        self, here, there, user
    ):
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

    def test_session_is_kept_no_longer_after_an_error(self, here):
        with suppress(DatabaseError), keep_session(here.session.pk):
            assert kept_session_id() == here.session.pk
            raise DatabaseError
        assert kept_session_id() is None


def test_connection_is_left_without_transaction(here):
    change(here)
    assert not in_outer_transaction(connection.alias)
