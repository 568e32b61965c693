"""Proving one's identity once more: who gets the proof, and what becomes of the line of tokens."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction

from refresh_sessions.exceptions import (
    OuterTransactionError,
    ReauthenticationRequiredError,
    SessionRevokedError,
    SupersededTokenError,
)
from refresh_sessions.identity import prove_identity
from refresh_sessions.sessions import (
    areauthenticate_session,
    branch_session,
    check_access_token,
    read_grant,
    reauthenticate_session,
    refresh_session,
    require_fresh_proof,
    revoke_session,
)
from refresh_sessions.signals import session_reauthenticated, session_refreshed
from refresh_sessions.tokens import access, refresh
from tests.domain.stories import AFTER_OVERLAP, call, family_of, kinds, refused, session_of
from tests.factories import PASSWORD, make_pair
from tests.listeners import heard

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def step_up(pair, methods=("pwd",), **options):
    return reauthenticate_session(check_access_token(pair.access), methods=methods, **options)


def is_fresh(pair, max_age=timedelta(minutes=5), **options) -> bool:
    """Whether a sensitive action would be allowed with this access token."""
    grant = check_access_token(pair.access)
    try:
        require_fresh_proof(read_grant(grant), grant.claims, max_age=max_age, **options)
    except ReauthenticationRequiredError:
        return False
    return True


def auth_time(pair):
    return access.verify(pair.access).authenticated_at


@pytest.fixture
def old(user, clock, options):
    """A pair whose proof of identity is an hour old."""
    options(ACCESS_TOKEN_LIFETIME=timedelta(hours=2))
    pair = make_pair(user, methods=("pwd",))
    clock.move(HOUR)
    assert not is_fresh(pair)
    return pair


class TestOutsideTheOverlap:
    def test_gives_new_tokens_with_a_new_proof(self, old, clock):
        new = step_up(old, methods=("pwd", "otp"))
        assert auth_time(new) == clock.now.replace(microsecond=0)
        assert access.verify(new.access).authentication_methods == ("pwd", "otp")
        family = family_of(old)
        assert (family.generation, family.redeemable_generation) == (2, 1)
        assert (family.authenticated_at, family.rotated_at) == (clock.now, clock.now)
        assert family.delivered_at is None
        assert is_fresh(new)
        assert kinds(old) == ["signed_in", "reauthenticated"]

    def test_the_tokens_before_vouch_for_no_more_than_they_did(self, old):
        step_up(old)
        assert call(old) == "ok"
        assert not is_fresh(old)

    def test_nor_does_what_they_are_exchanged_for_by_a_sibling(self, old):
        step_up(old)
        sibling = refresh_session(old.refresh)
        assert sibling.refresh is None
        assert not is_fresh(sibling)
        assert auth_time(sibling) is None

    def test_the_proof_goes_with_the_line(self, old, clock):
        new = step_up(old)
        for _ in range(3):
            clock.move(AFTER_OVERLAP)
            new = refresh_session(new.refresh)
            assert is_fresh(new)
        clock.move(timedelta(minutes=5))
        assert not is_fresh(new)

    def test_within_the_second_of_a_lesser_proof(self, clock, user):
        pair = make_pair(user, methods=("pwd",))
        assert is_fresh(step_up(pair, methods=("pwd", "otp")), methods=("otp",))
        assert not is_fresh(pair)

    def test_moves_no_hard_limit(self, old, clock):
        expires_at = session_of(old).expires_at
        new = step_up(old)
        assert session_of(old).expires_at == expires_at
        assert family_of(old).idle_expires_at <= expires_at
        clock.move(timedelta(days=7) - HOUR)
        assert refused(new.refresh) == "session_expired/absolute"

    def test_a_lost_answer_is_retried_with_the_token_before(self, old, clock):
        step_up(old)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(old.refresh)
        assert recovered.refresh
        # Whoever retries may be somebody else.
        assert not is_fresh(recovered)
        assert is_fresh(step_up(recovered))

    def test_a_lost_answer_can_also_be_asked_for_again_at_once(self, old, clock):
        lost = step_up(old)
        again = step_up(old)
        assert again.refresh is None
        assert is_fresh(again)
        clock.move(AFTER_OVERLAP)
        assert refresh_session(old.refresh).refresh
        assert refused(lost.refresh) == "refresh_superseded"

    def test_who_copied_the_tokens_before_is_found_once_the_new_ones_are_used(self, old, clock):
        new = step_up(old)
        assert call(new) == "ok"
        clock.move(AFTER_OVERLAP)
        assert refused(old.refresh) == "session_revoked"
        assert session_of(old).revoked_reason == "reuse"

    def test_tokens_older_than_that_are_found_as_well(self, old, clock):
        new = step_up(old)
        clock.move(AFTER_OVERLAP)
        new = refresh_session(new.refresh)
        assert refused(old.refresh) == "session_revoked"
        assert session_of(old).revoked_reason == "reuse"
        assert call(new) == "session_revoked"

    def test_does_not_fail_where_nothing_is_left_to_refresh(self, old, clock, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        first = step_up(old)
        assert first.refresh is not None
        clock.move(AFTER_OVERLAP)
        again = step_up(first)
        assert again.refresh is None
        assert is_fresh(again)


class TestBesideRotation:
    """Within the overlap, and for an access token that is not the newest."""

    @pytest.fixture
    def rotated(self, old):
        return refresh_session(old.refresh)

    def test_gives_an_access_token_alone(self, rotated):
        new = step_up(rotated)
        assert (new.refresh, new.refresh_expires_at) == (None, None)
        assert is_fresh(new)
        assert family_of(new).generation == 2

    def test_the_access_token_before_vouches_for_no_more(self, rotated):
        step_up(rotated)
        assert not is_fresh(rotated)

    def test_a_sibling_that_is_slow_is_no_thief(self, old, rotated, clock):
        new = step_up(rotated)
        assert refresh_session(old.refresh).refresh is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(rotated.refresh).refresh
        assert call(new) == "ok"

    def test_no_refresh_token_can_claim_the_proof(self, rotated, clock):
        """It may have been copied before the proof was given."""
        step_up(rotated)
        assert auth_time(refresh_session(rotated.refresh)) is None
        clock.move(AFTER_OVERLAP)
        later = refresh_session(rotated.refresh)
        assert later.refresh
        assert not is_fresh(later)
        assert auth_time(later) is None

    def test_in_the_very_instant_of_the_rotation(self, rotated, clock):
        family = family_of(step_up(rotated))
        assert family.rotated_at == clock.now < family.authenticated_at

    def test_for_a_sibling_whose_token_is_not_the_newest(self, old, rotated, clock):
        clock.move(AFTER_OVERLAP)
        new = step_up(old)
        assert new.refresh is None
        assert is_fresh(new)
        assert not is_fresh(rotated)
        # And nobody's line is touched.
        assert refresh_session(rotated.refresh).refresh

    def test_lasts_until_the_next_rotation(self, rotated, clock):
        new = step_up(rotated)
        clock.move(AFTER_OVERLAP)
        assert is_fresh(new)
        refresh_session(rotated.refresh)
        assert not is_fresh(new)


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
        prove_identity(grant.user, {"password": PASSWORD}, None)
        assert grant.user.password != before
        new = reauthenticate_session(grant, methods=("pwd",))
        assert is_fresh(new)
        assert refresh_session(new.refresh).access

    def test_each_family_of_a_session_has_a_proof_of_its_own(self, old, clock):
        new = step_up(old)
        branch = branch_session(check_access_token(new.access))
        clock.move(HOUR)
        newer = step_up(new)
        assert (is_fresh(newer), is_fresh(branch)) == (True, False)


class TestSecrets:
    """A step-up makes a refresh token although it has seen none."""

    def test_the_second_secret_is_not_the_first(self, old):
        new = step_up(old)
        first, second = (refresh.verify(pair.refresh).secret for pair in (old, new))
        assert first != second
        assert family_of(old).secret_digest == refresh.digest(first)

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
        claims = refresh.verify(new.refresh)
        forged = refresh.issue(
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
