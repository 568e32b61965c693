"""Who can step up, what they get, and who hears of it."""

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from refresh_sessions.exceptions import (
    OuterTransactionError,
    SessionRevokedError,
    SupersededTokenError,
)
from refresh_sessions.identity import verify_identity
from refresh_sessions.sessions import (
    areauthenticate_session,
    check_access_token,
    open_family,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from refresh_sessions.signals import session_reauthenticated, session_refreshed
from refresh_sessions.tokens import refresh_tokens
from tests.domain.steps import HOUR, is_fresh, step_up
from tests.domain.stories import AFTER_OVERLAP, call, family_of, kinds, refused, session_of
from tests.factories import PASSWORD, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db


class TestWho:
    def test_not_an_access_token_of_a_line_that_was_taken_back(self, old, clock):
        lost = refresh_session(old.refresh)
        grant = check_access_token(lost.access)
        clock.move(AFTER_OVERLAP)
        type(lost.family).objects.update(delivered_at=None)
        refresh_session(old.refresh)
        with pytest.raises(SupersededTokenError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_not_in_a_session_that_has_ended(self, old):
        grant = check_access_token(old.access)
        revoke_session(old.session, reason="user")
        with pytest.raises(SessionRevokedError):
            reauthenticate_session(grant, methods=("pwd",))
        assert kinds(old) == ["signed_in", "revoked"]

    def test_not_after_the_password_was_changed(self, old, user):
        grant = check_access_token(old.access)
        user.set_password("another")
        user.save()
        with pytest.raises(SessionRevokedError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_not_inside_a_transaction(self, old):
        grant = check_access_token(old.access)
        with transaction.atomic(), pytest.raises(OuterTransactionError):
            reauthenticate_session(grant, methods=("pwd",))

    def test_a_password_stored_with_a_newer_hash_is_the_same_password(self, old, settings):
        """Django does that while it checks one, and the session hash changes with it."""
        settings.PASSWORD_HASHERS = list(reversed(settings.PASSWORD_HASHERS))
        grant = check_access_token(old.access)
        before = grant.user.password
        verify_identity(grant.user, {"password": PASSWORD}, None)
        assert grant.user.password != before
        new = reauthenticate_session(grant, methods=("pwd",))
        assert is_fresh(new)
        assert refresh_session(new.refresh).access

    def test_each_family_of_a_session_has_a_proof_of_its_own(self, old, clock):
        new = step_up(old)
        families = open_family(check_access_token(new.access), new.refresh)
        clock.move(HOUR)
        newer = step_up(refresh_session(families.current.refresh))
        opened = refresh_session(families.opened.refresh)
        assert (is_fresh(newer), is_fresh(opened)) == (True, False)


class TestSecrets:
    """A step-up makes a refresh token although it has seen none."""

    def test_the_second_secret_is_not_the_first(self, old):
        new = step_up(old)
        first, second = (refresh_tokens.verify(pair.refresh).secret for pair in (old, new))
        assert first != second
        assert family_of(old).secret_digest == refresh_tokens.hash_secret(first)

    def test_survives_a_new_secret_key(self, old, settings, clock):
        new = step_up(old)
        before, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 50
        settings.SECRET_KEY_FALLBACKS = [before]
        clock.move(AFTER_OVERLAP)
        newer = refresh_session(new.refresh)
        # And the end of the old one, as soon as the token has been refreshed.
        settings.SECRET_KEY_FALLBACKS = []
        clock.move(AFTER_OVERLAP)
        assert refresh_session(newer.refresh).refresh

    def test_is_that_of_one_family(self, old, clock):
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


class TestTold:
    def test_signals(self, old, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.5")
        with heard(session_reauthenticated) as proven, heard(session_refreshed) as refreshed:
            new = step_up(old, request=request)
        (told,) = proven
        assert told["session"].pk == old.session.pk
        assert (told["methods"], told["request"]) == (("pwd",), request)
        assert [signal["generation"] for signal in refreshed] == [2]
        assert new.family.last_ip_address == "203.0.113.5"

    def test_the_event(self, old, rf):
        step_up(old, request=rf.post("/", REMOTE_ADDR="203.0.113.5"))
        event = session_of(old).events.get(kind="reauthenticated")
        assert (event.ip_address, event.actor) == ("203.0.113.5", old.session.user)
        assert event.details == {"methods": ["pwd"], "generation": 2}

    def test_queries(self, old, django_assert_num_queries):
        grant = check_access_token(old.access)
        # A transaction, the turn, the family, the rotation, the event.
        with django_assert_num_queries(6):
            reauthenticate_session(grant, methods=("pwd",))


def test_the_async_twin(old):
    grant = check_access_token(old.access)
    assert is_fresh(async_to_sync(areauthenticate_session)(grant, methods=("pwd",)))
