"""A second token family in the same device session."""

from datetime import timedelta

import pytest
from django.db import transaction

from refresh_sessions.exceptions import (
    FamilyLimitReachedError,
    InvalidTokenError,
    OuterTransactionError,
    ReauthenticationRequiredError,
    RefreshSessionsError,
    SupersededTokenError,
)
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    check_access_token,
    open_family,
    reauthenticate_session,
    refresh_session,
    revoke_session,
)
from tests.domain.client_actions import (
    AFTER_OVERLAP,
    call,
    family_of,
    kinds,
    refused,
    rotated,
    session_of,
)
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


def opens(pair, **options):
    """Open a family with the tokens of a pair."""
    return open_family(check_access_token(pair.access), pair.refresh, **options)


def refused_to_open(access, token) -> str:
    """Try to open a family; return the error code."""
    with pytest.raises(RefreshSessionsError) as caught:
        open_family(check_access_token(access), token)
    return caught.value.code


class TestOpenedFamily:
    def test_opened_family_belongs_to_the_same_session(self, pair):
        new = opens(pair).opened
        assert new.session.pk == pair.session.pk
        assert new.family.pk != pair.family.pk
        assert DeviceSession.objects.count() == 1
        assert kinds(pair) == ["signed_in", "family_opened"]

    def test_opened_family_rotates_independently_of_parent(self, pair, clock):
        families = opens(pair)
        pair, new = families.current, families.opened
        for _ in range(3):
            clock.move(AFTER_OVERLAP)
            pair, new = refresh_session(pair.refresh), refresh_session(new.refresh)
            assert (call(pair), call(new)) == ("ok", "ok")
        assert (family_of(pair).generation, family_of(new).generation) == (5, 4)

    def test_opened_family_is_refused_after_session_revocation(self, pair):
        new = opens(pair).opened
        revoke_session(pair.session, reason="user")
        assert call(new) == "session_revoked"
        assert refused(new.refresh) == "session_revoked"

    def test_opened_family_expires_at_hard_limit_of_session(self, pair, clock, options):
        options(REAUTHENTICATION_MAX_AGE=timedelta(days=7))
        for _ in range(6):
            clock.move(timedelta(days=1))
            pair = refresh_session(pair.refresh)
        new = opens(pair).opened
        expires_at = session_of(pair).expires_at
        assert family_of(new).idle_expires_at == expires_at
        assert new.access_expires_at <= expires_at
        clock.move(expires_at - clock.now)
        assert refused(new.refresh) == "session_expired/absolute"

    def test_opened_family_token_reuse_revokes_the_session(self, pair, clock):
        new = opens(pair).opened
        newest = refresh_session(new.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(newest.refresh)
        assert refused(new.refresh) == "session_revoked"
        assert call(pair) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_opened_family_shares_no_secret_with_parent(self, pair):
        assert family_of(opens(pair).opened).secret_digest != family_of(pair).secret_digest

    def test_opened_family_stores_client_of_presenter(self, pair, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.5", HTTP_USER_AGENT="Watch/1")
        family = family_of(opens(pair, request=request).opened)
        assert (family.last_ip_address, family.last_user_agent) == ("203.0.113.5", "Watch/1")


class TestPresentedToken:
    """The newest refresh token of the caller's family, which the opening rotates."""

    def test_presented_newest_token_is_rotated_in_one_transaction(self, pair, clock):
        current = opens(pair).current
        assert family_of(pair).generation == 2
        assert refresh_session(current.refresh).refresh == current.refresh
        clock.move(AFTER_OVERLAP)
        assert refresh_session(current.refresh).refresh

    def test_presented_used_token_is_superseded_without_new_family(self, pair, clock):
        new = refresh_session(pair.refresh)
        assert refused_to_open(new.access, pair.refresh) == "refresh_superseded"
        clock.move(AFTER_OVERLAP)
        assert refused_to_open(new.access, pair.refresh) == "refresh_superseded"
        assert session_of(pair).families.count() == 1
        assert family_of(pair).generation == 2

    def test_presented_reused_token_revokes_the_session(self, pair, clock):
        new = rotated(pair, clock, times=2)
        assert refused_to_open(new.access, pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"
        assert session_of(pair).families.count() == 1

    @pytest.mark.parametrize("other", ["session", "family"])
    def test_presented_token_of_another_family_is_refused(self, pair, other):
        families = opens(pair)
        token = make_pair(pair.session.user).refresh if other == "session" else None
        token = token or families.opened.refresh
        with pytest.raises(InvalidTokenError):
            open_family(check_access_token(families.current.access), token)
        assert session_of(pair).families.count() == 2

    def test_presented_sibling_token_opens_no_family(self, pair, clock):
        """The attack: exchange a used token for an access token, then open a family with it."""
        owner = refresh_session(pair.refresh)
        stolen = refresh_session(pair.refresh)
        assert stolen.refresh is None
        grant = check_access_token(stolen.access)
        assert grant.claims.authenticated_at is None
        assert grant.claims.authentication_methods == ()
        with pytest.raises(ReauthenticationRequiredError):
            open_family(grant, owner.refresh)

    def test_presented_stolen_token_is_detected_at_next_refresh_of_owner(self, pair, clock):
        attacker = opens(pair)
        clock.move(AFTER_OVERLAP)
        refresh_session(attacker.opened.refresh)
        assert refused(pair.refresh) == "session_revoked"
        assert kinds(pair)[-1] == "reuse_detected"

    def test_presented_token_in_overlap_is_not_reuse(self, pair, clock):
        new = refresh_session(pair.refresh)
        families = opens(new)
        assert refused(pair.refresh) == "refresh_superseded"
        assert refresh_session(new.refresh).refresh is None
        clock.move(AFTER_OVERLAP)
        assert refresh_session(families.current.refresh).refresh

    def test_opening_a_family_counts_as_refresh(self, pair, clock, options):
        options(MAX_REFRESHES_PER_SESSION=1)
        families = opens(pair)
        assert refused_to_open(families.current.access, families.current.refresh) == (
            "session_expired"
        )
        clock.move(AFTER_OVERLAP)
        assert refused(families.opened.refresh) == "session_expired/refresh_limit"

    def test_presented_token_ahead_of_database_opens_family(self, pair, clock):
        new = rotated(pair, clock, times=3)
        TokenFamily.objects.filter(pk=pair.family.pk).update(generation=2, redeemable_generation=1)
        with pytest.raises(SupersededTokenError):
            opens(new)
        healed = refresh_session(new.refresh)
        assert opens(healed).opened.refresh

    def test_opening_a_family_inside_a_transaction_is_refused(self, pair, transactional_db):
        grant = check_access_token(pair.access)
        with transaction.atomic(), pytest.raises(OuterTransactionError):
            open_family(grant, pair.refresh)


class TestLostAnswer:
    def test_recovery_closes_family_of_lost_answer(self, pair, clock):
        lost = opens(pair)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        assert recovered.refresh
        assert call(lost.opened) == "session_revoked"
        assert family_of(lost.opened).closed_at is not None
        again = reauthenticate_session(check_access_token(recovered.access), methods=("pwd",))
        clock.move(AFTER_OVERLAP)
        with pytest.raises(ReauthenticationRequiredError):
            opens(refresh_session(recovered.refresh))
        assert again.refresh is None

    def test_closed_family_token_is_superseded_then_reuse(self, pair, clock):
        lost = opens(pair)
        clock.move(AFTER_OVERLAP)
        refresh_session(pair.refresh)
        assert refused(lost.opened.refresh) == "refresh_superseded"
        clock.move(AFTER_OVERLAP)
        assert refused(lost.opened.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_recovery_after_refresh_of_opened_family_is_reuse(self, pair, clock):
        opened = opens(pair).opened
        refresh_session(opened.refresh)
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_rotation_keeps_the_opened_family(self, pair, clock):
        families = opens(pair)
        clock.move(AFTER_OVERLAP)
        refresh_session(families.current.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(families.current.refresh)
        assert refresh_session(families.opened.refresh).refresh

    def test_closed_family_does_not_count_against_limit(self, pair, clock, options):
        options(MAX_FAMILIES_PER_SESSION=2, REAUTHENTICATION_MAX_AGE=timedelta(hours=1))
        opens(pair)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        stepped_up = reauthenticate_session(check_access_token(recovered.access), methods=("pwd",))
        assert opens(stepped_up).opened.refresh


class TestRecentReauthentication:
    @pytest.mark.parametrize(
        ("age", "recent"),
        [(timedelta(minutes=5), True), (timedelta(minutes=5, microseconds=1), False)],
    )
    def test_opening_a_family_requires_recent_reauthentication(self, clock, pair, age, recent):
        clock.move(age)
        if recent:
            assert opens(pair).opened.refresh
        else:
            with pytest.raises(ReauthenticationRequiredError) as caught:
                opens(pair)
            assert caught.value.max_age == timedelta(minutes=5)
            assert family_of(pair).generation == 1

    def test_opened_family_inherits_auth_time_unchanged(self, pair, clock):
        clock.move(timedelta(minutes=4))
        new = opens(pair).opened
        clock.move(timedelta(minutes=2))
        with pytest.raises(ReauthenticationRequiredError):
            opens(new)

    def test_opened_family_has_no_auth_time_after_recovery(self, pair, clock):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        with pytest.raises(ReauthenticationRequiredError):
            opens(recovered)


class TestLimits:
    def test_family_limit_of_a_session_is_enforced(self, pair, options):
        options(MAX_FAMILIES_PER_SESSION=3)
        pair = opens(pair).current
        pair = opens(pair).current
        with pytest.raises(FamilyLimitReachedError):
            opens(pair)
        assert session_of(pair).families.count() == 3
        assert SessionEvent.objects.filter(kind="family_opened").count() == 2

    def test_refresh_limit_counts_all_families_together(self, pair, clock, options):
        options(MAX_REFRESHES_PER_SESSION=4)
        families = opens(pair)
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(families.current.refresh)
        new = refresh_session(families.opened.refresh)
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        assert refused(new.refresh) == "session_expired/refresh_limit"
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/refresh_limit"


class EndAllPolicy(SessionPolicy):
    """After one stolen token, revokes all sessions of the user."""

    def reuse_ends(self, user, *, session):
        return "user"


class TestReuseScope:
    def reuse(self, pair, clock):
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(new.refresh)
        assert refused(pair.refresh) == "session_revoked"

    def test_reuse_in_opened_family_revokes_the_session(self, user, clock):
        stolen, other = make_pair(user), make_pair(user)
        self.reuse(stolen, clock)
        assert call(other) == "ok"

    def test_reuse_in_opened_family_revokes_all_sessions_by_policy(self, user, clock, options):
        options(POLICY=f"{__name__}.EndAllPolicy")
        stolen, other, stranger = make_pair(user), make_pair(user), make_pair()
        self.reuse(stolen, clock)
        assert call(other) == "session_revoked"
        assert session_of(other).revoked_reason == "reuse_elsewhere"
        assert kinds(other) == ["signed_in", "revoked"]
        assert call(stranger) == "ok"
