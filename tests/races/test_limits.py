"""Limits in number, when many ask for the last place at once."""

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
from tests.domain.stories import call, family_of
from tests.factories import UserFactory, make_pair
from tests.races.barriers import meet_once_read
from tests.races.invariants import failures, handed_out, live_lineages, pairs, with_families
from tests.races.runner import crew, scaled

pytestmark = pytest.mark.django_db(transaction=True)

MANY = scaled(8, 40)


class TestRefreshes:
    def test_of_one_token(self, options, tally):
        options(MAX_REFRESHES_PER_SESSION=3)
        pair = make_pair()
        with crew(MANY) as race:
            for generation in (2, 3, 4, 4, 4):
                TokenFamily.objects.update(rotated_at=None)
                answers = race([partial(refresh_session, pair.refresh)] * MANY)
                tokens = handed_out(answers)
                pair = next((answer for answer in pairs(answers) if answer.refresh), pair)
                assert family_of(pair).generation == generation
                tally.add(answers, live=len(tokens))
        assert {type(answer) for answer in answers} == {SessionExpiredError}

    def test_of_several_families(self, options, monkeypatch, tally):
        """Each reads how often the others were refreshed before any of them writes."""
        options(MAX_REFRESHES_PER_SESSION=6)
        with crew(4) as race:
            for _ in range(scaled(1, 6)):
                first = make_pair()
                families = with_families(first, 4)
                with monkeypatch.context() as patched:
                    meet_once_read(patched, len(families))
                    calls = [partial(refresh_session, pair.refresh) for pair in families]
                    answers = race(calls)
                tokens = handed_out(answers)
                assert {type(refusal) for refusal in failures(answers)} == {SessionExpiredError}
                assert len(tokens) == 3
                families = TokenFamily.objects.filter(session=first.session)
                assert sum(family.generation - 1 for family in families) == 6
                tally.add(answers, live=len(tokens))


class TestSignIns:
    def test_the_oldest_make_room(self, options, tally):
        options(MAX_SESSIONS_PER_USER=2)
        with crew(8) as race:
            for _ in range(scaled(1, 6)):
                user = UserFactory()
                answers = race([partial(start_session, user)] * 8)
                assert failures(answers) == []
                assert DeviceSession.objects.active().for_user(user).count() == 2
                assert [call(answer) for answer in answers].count("ok") == 2
                tally.add(answers, live=live_lineages(handed_out(answers)))
        assert tally.live == {2}

    def test_the_next_is_denied(self, options, tally):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT="deny")
        with crew(8) as race:
            for _ in range(scaled(1, 6)):
                user = UserFactory()
                answers = race([partial(start_session, user)] * 8)
                assert {type(refusal) for refusal in failures(answers)} == {
                    SessionLimitReachedError
                }
                assert DeviceSession.objects.active().for_user(user).count() == 2
                tally.add(answers, live=live_lineages(handed_out(answers)))
        assert tally.live == {2}


class TestFamilies:
    def test_each_of_two_tries_to_open_the_last_one(self, options, tally):
        options(MAX_FAMILIES_PER_SESSION=3)
        with crew(2) as race:
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

    def test_one_token_opens_one_family(self, tally):
        with crew(8) as race:
            for _ in range(scaled(1, 6)):
                pair = make_pair()
                grant = check_access_token(pair.access)
                answers = race([partial(open_family, grant, pair.refresh)] * 8)
                refusals = [type(answer) for answer in answers if isinstance(answer, Exception)]
                assert refusals == [RefreshSupersededError] * 7
                assert TokenFamily.objects.usable().filter(session=pair.session).count() == 2
                assert family_of(pair).generation == 2
