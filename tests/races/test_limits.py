"""Limits with concurrent requests for the last free place."""

from functools import partial

import pytest

from refresh_sessions.exceptions import (
    FamilyLimitReachedError,
    RefreshSupersededError,
    SessionExpiredError,
    SessionLimitReachedError,
)
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import (
    check_access_token,
    open_family,
    refresh_session,
    start_session,
)
from tests.domain.client_actions import call, family_of
from tests.factories import UserFactory, make_pair
from tests.races.barriers import wait_for_readers
from tests.races.invariants import (
    count_usable,
    failures,
    issued_refresh_tokens,
    pairs,
    with_families,
)
from tests.races.runner import scaled, thread_pool

pytestmark = pytest.mark.django_db(transaction=True)

MANY = scaled(8, 40)


class TestRefreshes:
    def test_refresh_limit_one_token_concurrent_refreshes_stay_within(self, options, statistics):
        options(MAX_REFRESHES_PER_SESSION=3)
        pair = make_pair()
        with thread_pool(MANY) as race:
            for generation in (2, 3, 4, 4, 4):
                TokenFamily.objects.update(rotated_at=None)
                answers = race([partial(refresh_session, pair.refresh)] * MANY)
                tokens = issued_refresh_tokens(answers)
                pair = next((answer for answer in pairs(answers) if answer.refresh), pair)
                assert family_of(pair).generation == generation
                statistics.add(answers, live=len(tokens))
        assert {type(answer) for answer in answers} == {SessionExpiredError}

    def test_refresh_limit_several_families_concurrent_refreshes_stay_within(
        self, options, monkeypatch, statistics
    ):
        """Each thread reads the number of refreshes before any thread writes."""
        options(MAX_REFRESHES_PER_SESSION=6)
        with thread_pool(4) as race:
            for _ in range(scaled(1, 6)):
                first = make_pair()
                families = with_families(first, 4)
                with monkeypatch.context() as patched:
                    wait_for_readers(patched, len(families))
                    calls = [partial(refresh_session, pair.refresh) for pair in families]
                    answers = race(calls)
                tokens = issued_refresh_tokens(answers)
                assert {type(refusal) for refusal in failures(answers)} == {SessionExpiredError}
                assert len(tokens) == 3
                families = TokenFamily.objects.filter(session=first.session)
                assert sum(family.generation - 1 for family in families) == 6
                statistics.add(answers, live=len(tokens))


class TestLogins:
    def test_session_limit_concurrent_logins_revoke_oldest(self, options, statistics):
        options(MAX_SESSIONS_PER_USER=2)
        with thread_pool(8) as race:
            for _ in range(scaled(1, 6)):
                user = UserFactory()
                answers = race([partial(start_session, user)] * 8)
                assert failures(answers) == []
                assert DeviceSession.objects.active().for_user(user).count() == 2
                assert [call(answer) for answer in answers].count("ok") == 2
                statistics.add(answers, live=count_usable(issued_refresh_tokens(answers)))
        assert statistics.live == {2}

    def test_session_limit_concurrent_logins_deny_next(self, options, statistics):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT="deny")
        with thread_pool(8) as race:
            for _ in range(scaled(1, 6)):
                user = UserFactory()
                answers = race([partial(start_session, user)] * 8)
                assert {type(refusal) for refusal in failures(answers)} == {
                    SessionLimitReachedError
                }
                assert DeviceSession.objects.active().for_user(user).count() == 2
                statistics.add(answers, live=count_usable(issued_refresh_tokens(answers)))
        assert statistics.live == {2}


class TestFamilies:
    def test_family_limit_concurrent_openings_stay_within(self, options, statistics):
        options(MAX_FAMILIES_PER_SESSION=3)
        with thread_pool(2) as race:
            for _ in range(scaled(2, 12)):
                parents = with_families(make_pair(), 2)
                calls = [
                    partial(open_family, check_access_token(pair.access), pair.refresh)
                    for pair in parents
                ]
                answers = race(calls)
                refusals = [type(answer) for answer in answers if isinstance(answer, Exception)]
                assert refusals == [FamilyLimitReachedError]
                session = parents[0].session
                assert TokenFamily.objects.usable().filter(session=session).count() == 3

    def test_open_family_concurrent_with_one_token_opens_one(self, statistics):
        with thread_pool(8) as race:
            for _ in range(scaled(1, 6)):
                pair = make_pair()
                grant = check_access_token(pair.access)
                answers = race([partial(open_family, grant, pair.refresh)] * 8)
                refusals = [type(answer) for answer in answers if isinstance(answer, Exception)]
                assert refusals == [RefreshSupersededError] * 7
                assert TokenFamily.objects.usable().filter(session=pair.session).count() == 2
                assert family_of(pair).generation == 2
