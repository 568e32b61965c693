"""Step-up: preconditions, derived secrets, events and signals."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction

from refresh_sessions.exceptions import (
    OuterTransactionError,
    ReauthenticationRequiredError,
    SessionRevokedError,
    SupersededTokenError,
)
from refresh_sessions.identity import verify_identity
from refresh_sessions.sessions import (
    ais_recently_authenticated,
    aread_grant,
    areauthenticate_session,
    arequire_recent_authentication,
    check_access_token,
    is_recently_authenticated,
    open_family,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from refresh_sessions.signals import session_reauthenticated, session_refreshed
from refresh_sessions.tokens import refresh_tokens
from tests.domain.client_actions import AFTER_OVERLAP, call, family_of, kinds, refused, session_of
from tests.domain.step_up_actions import HOUR, is_fresh, step_up
from tests.factories import PASSWORD, make_pair
from tests.factors import Code
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestPreconditions:
    def test_reauthentication_with_token_lost_before_recovery_is_refused(self, old, clock):
        lost = refresh_session(old.refresh)
        grant = check_access_token(lost.access)
        clock.move(AFTER_OVERLAP)
        type(lost.family).objects.update(delivered_at=None)
        refresh_session(old.refresh)
        with pytest.raises(SupersededTokenError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_reauthentication_of_revoked_session_is_refused(self, old):
        grant = check_access_token(old.access)
        revoke_session(old.session, reason="user")
        with pytest.raises(SessionRevokedError):
            reauthenticate_session(grant, methods=("pwd",))
        assert kinds(old) == ["signed_in", "revoked"]

    def test_reauthentication_after_password_change_is_refused(self, old, user):
        grant = check_access_token(old.access)
        user.set_password("another")
        user.save()
        with pytest.raises(SessionRevokedError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_reauthentication_inside_a_transaction_is_refused(self, old):
        grant = check_access_token(old.access)
        with transaction.atomic(), pytest.raises(OuterTransactionError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_reauthentication_after_hash_upgrade_succeeds(self, old, settings):
        """Django upgrades the hash while it checks a password, which changes the session hash."""
        settings.PASSWORD_HASHERS = list(reversed(settings.PASSWORD_HASHERS))
        grant = check_access_token(old.access)
        before = grant.user.password
        verify_identity(grant.user, {"password": PASSWORD}, None)
        assert grant.user.password != before
        new = reauthenticate_session(grant, methods=("pwd",))
        assert is_fresh(new)
        assert refresh_session(new.refresh).access

    def test_auth_time_of_one_family_leaves_other_families_unchanged(self, old, clock):
        new = step_up(old)
        families = open_family(check_access_token(new.access), new.refresh)
        clock.move(HOUR)
        newer = step_up(refresh_session(families.current.refresh))
        opened = refresh_session(families.opened.refresh)
        assert (is_fresh(newer), is_fresh(opened)) == (True, False)


class TestSecrets:
    """A step-up issues a refresh token without the secret of the previous one."""

    def test_derived_secret_differs_from_first_secret(self, old):
        new = step_up(old)
        first, second = (refresh_tokens.verify(pair.refresh).secret for pair in (old, new))
        assert first != second
        assert family_of(old).secret_digest == refresh_tokens.hash_secret(first)

    def test_derived_secret_survives_rotated_secret_key(self, old, settings, clock):
        new = step_up(old)
        before, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 50
        settings.SECRET_KEY_FALLBACKS = [before]
        clock.move(AFTER_OVERLAP)
        newer = refresh_session(new.refresh)
        # Once the token is refreshed, the old secret key is not needed any more.
        settings.SECRET_KEY_FALLBACKS = []
        clock.move(AFTER_OVERLAP)
        assert refresh_session(newer.refresh).refresh

    def test_derived_secret_is_refused_in_another_family(self, old, clock):
        new, other = step_up(old), make_pair(old.session.user)
        claims = refresh_tokens.verify(new.refresh)
        forged = refresh_tokens.issue(
            session_id=other.session.pk,
            family_id=other.family.pk,
            generation=1,
            expires_at=claims.expires_at,
            secret=claims.secret,
        )
        assert refused(forged) == "session_revoked"
        assert call(other) == "ok"


class TestEvents:
    def test_reauthentication_sends_signals(self, old, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.5")
        with (
            heard(session_reauthenticated) as reauthenticated,
            heard(session_refreshed) as refreshed,
        ):
            new = step_up(old, request=request)
        (told,) = reauthenticated
        assert told["session"].pk == old.session.pk
        assert (told["methods"], told["request"]) == (("pwd",), request)
        assert [signal["generation"] for signal in refreshed] == [2]
        assert new.family.last_ip_address == "203.0.113.5"

    def test_reauthentication_records_event(self, old, rf):
        step_up(old, request=rf.post("/", REMOTE_ADDR="203.0.113.5"))
        event = session_of(old).events.get(kind="reauthenticated")
        assert (event.ip_address, event.actor) == ("203.0.113.5", old.session.user)
        assert event.details == {"methods": ["pwd"], "generation": 2}

    def test_reauthentication_takes_fixed_number_of_queries(self, old, django_assert_num_queries):
        grant = check_access_token(old.access)
        # The transaction, the lock, the family, the rotation, the event.
        with django_assert_num_queries(6):
            reauthenticate_session(grant, methods=("pwd",))


class Stored(Code):
    """A second factor whose availability is in the database."""

    def is_available(self, user):
        return type(user).objects.filter(pk=user.pk).exists()


class TestCoroutines:
    @pytest.fixture(autouse=True)
    def _factor(self, options):
        options(SECOND_FACTORS=[f"{__name__}.Stored"])

    def test_async_recent_authentication_reads_second_factors(self, old):
        new = step_up(old)

        async def both():
            family = await aread_grant(check)
            limits = {"max_age": timedelta(minutes=5)}
            with pytest.raises(SynchronousOnlyOperation):
                is_recently_authenticated(family, check.claims, **limits)
            with pytest.raises(ReauthenticationRequiredError):
                await arequire_recent_authentication(family, check.claims, **limits)
            return await ais_recently_authenticated(family, check.claims, **limits)

        check = check_access_token(new.access)
        assert async_to_sync(both)() is False


def test_async_reauthentication_matches_sync(old):
    grant = check_access_token(old.access)
    assert is_fresh(async_to_sync(areauthenticate_session)(grant, methods=("pwd",)))
