"""A second token family in the same device session."""

from datetime import timedelta

import pytest

from refresh_sessions.exceptions import FamilyLimitReachedError, ReauthenticationRequiredError
from refresh_sessions.models import DeviceSession
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.sessions import (
    branch_session,
    check_access_token,
    refresh_session,
    revoke_session,
)
from tests.domain.stories import AFTER_OVERLAP, call, family_of, kinds, refused, session_of
from tests.factories import make_pair

pytestmark = pytest.mark.django_db


def branch(pair, **options):
    return branch_session(check_access_token(pair.access), **options)


class TestBranch:
    def test_is_a_family_of_its_own_in_the_same_session(self, pair):
        new = branch(pair)
        assert new.session.pk == pair.session.pk
        assert new.family.pk != pair.family.pk
        assert DeviceSession.objects.count() == 1
        assert kinds(pair) == ["signed_in", "branched"]

    def test_both_go_on_without_each_other(self, pair, clock):
        new = branch(pair)
        for _ in range(3):
            clock.move(AFTER_OVERLAP)
            pair, new = refresh_session(pair.refresh), refresh_session(new.refresh)
            assert (call(pair), call(new)) == ("ok", "ok")
        assert (family_of(pair).generation, family_of(new).generation) == (4, 4)

    def test_ends_with_the_session(self, pair):
        new = branch(pair)
        revoke_session(pair.session, reason="user")
        assert call(new) == "session_revoked"
        assert refused(new.refresh) == "session_revoked"

    def test_cannot_outlive_the_hard_limit(self, pair, clock, options):
        options(REAUTHENTICATION_MAX_AGE=timedelta(days=7))
        for _ in range(6):
            clock.move(timedelta(days=1))
            pair = refresh_session(pair.refresh)
        new = branch(pair)
        expires_at = session_of(pair).expires_at
        assert family_of(new).idle_expires_at == expires_at
        assert new.access_expires_at <= expires_at
        clock.move(expires_at - clock.now)
        assert refused(new.refresh) == "session_expired/absolute"

    def test_its_reuse_ends_the_whole_session(self, pair, clock):
        new = branch(pair)
        newest = refresh_session(new.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(newest.refresh)
        assert refused(new.refresh) == "session_revoked"
        assert call(pair) == "session_revoked"
        assert session_of(pair).revoked_reason == "reuse"

    def test_secrets_are_not_shared(self, pair):
        assert family_of(branch(pair)).secret_digest != family_of(pair).secret_digest

    def test_notes_the_presenter(self, pair, rf):
        request = rf.post("/", REMOTE_ADDR="203.0.113.5", HTTP_USER_AGENT="Watch/1")
        family = family_of(branch(pair, request=request))
        assert (family.last_ip_address, family.last_user_agent) == ("203.0.113.5", "Watch/1")


class TestFreshProof:
    @pytest.mark.parametrize(
        ("age", "fresh"),
        [(timedelta(minutes=5), True), (timedelta(minutes=5, microseconds=1), False)],
    )
    def test_is_required(self, clock, pair, age, fresh):
        clock.move(age)
        if fresh:
            assert branch(pair).refresh
        else:
            with pytest.raises(ReauthenticationRequiredError) as caught:
                branch(pair)
            assert caught.value.max_age == timedelta(minutes=5)

    def test_is_inherited_and_does_not_renew_itself(self, pair, clock):
        clock.move(timedelta(minutes=4))
        new = branch(pair)
        clock.move(timedelta(minutes=2))
        with pytest.raises(ReauthenticationRequiredError):
            branch(new)

    def test_is_gone_after_a_recovery(self, pair, clock):
        refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        recovered = refresh_session(pair.refresh)
        with pytest.raises(ReauthenticationRequiredError):
            branch(recovered)


class TestLimits:
    def test_number_of_families(self, pair, options):
        options(MAX_FAMILIES_PER_SESSION=3)
        branch(pair)
        branch(pair)
        with pytest.raises(FamilyLimitReachedError):
            branch(pair)
        assert session_of(pair).families.count() == 3

    def test_refreshes_of_all_families_count_together(self, pair, clock, options):
        options(MAX_REFRESHES_PER_SESSION=3)
        new = branch(pair)
        pair, new = refresh_session(pair.refresh), refresh_session(new.refresh)
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        assert refused(new.refresh) == "session_expired/refresh_limit"
        clock.move(AFTER_OVERLAP)
        assert refused(pair.refresh) == "session_expired/refresh_limit"


class EndAllPolicy(SessionPolicy):
    """Where one token was stolen, others may have been."""

    def reuse_ends(self, user, *, session):
        return "user"


class TestWhatReuseEnds:
    def reuse(self, pair, clock):
        new = refresh_session(pair.refresh)
        clock.move(AFTER_OVERLAP)
        refresh_session(new.refresh)
        assert refused(pair.refresh) == "session_revoked"

    def test_the_session(self, user, clock):
        stolen, other = make_pair(user), make_pair(user)
        self.reuse(stolen, clock)
        assert call(other) == "ok"

    def test_or_all_of_the_user(self, user, clock, options):
        options(POLICY=f"{__name__}.EndAllPolicy")
        stolen, other, stranger = make_pair(user), make_pair(user), make_pair()
        self.reuse(stolen, clock)
        assert call(other) == "session_revoked"
        assert session_of(other).revoked_reason == "reuse_elsewhere"
        assert kinds(other) == ["signed_in", "revoked"]
        assert call(stranger) == "ok"
