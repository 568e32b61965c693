"""Many presenters of one refresh token.

What holds on SQLite proves nothing about PostgreSQL: each database has its own run, and under
``tox -e races`` each isolation level of it.
"""

from functools import partial

import pytest

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session
from tests.domain.stories import call, family_of, kinds
from tests.factories import make_pair
from tests.races.invariants import failures, handed_out, live_lineages, rows
from tests.races.runner import at_once, crew, scaled

pytestmark = pytest.mark.django_db(transaction=True)


def use(token):
    """What a client does: it refreshes, and calls with what it got."""
    answer = refresh_session(token)
    check_access_token(answer.access)
    return answer


SIZES = [
    (2, scaled(5, 60), refresh_session),
    (2, scaled(5, 60), use),
    (40, scaled(1, 8), refresh_session),
    (40, scaled(1, 8), use),
]
if scaled(0, 1):
    SIZES.append((200, 3, use))


@pytest.mark.parametrize(
    ("presenters", "rounds", "present"),
    SIZES,
    ids=[f"{presenters}-{present.__name__}" for presenters, _, present in SIZES],
)
def test_one_token_presented_at_once(presenters, rounds, present, tally):
    pair = make_pair()
    before = rows()
    with crew(presenters) as race:
        for generation in range(2, rounds + 2):
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(present, pair.refresh)] * presenters)
            assert failures(answers) == []
            assert len(handed_out(answers)) == 1
            family = family_of(pair)
            assert (family.generation, family.redeemable_generation) == (
                generation,
                generation - 1,
            )
            assert {call(answer) for answer in answers} == {"ok"}
            tally.add(answers, live=live_lineages([pair.refresh, *handed_out(answers)]))
            (pair,) = [answer for answer in answers if answer.refresh]
    assert tally.live == {1}
    assert rows() == before
    assert kinds(pair) == ["signed_in"]


def test_both_tokens_of_a_rotation_presented_at_once(tally):
    """Tabs that have read the storage again, and tabs that have not."""
    older = make_pair()
    newer = refresh_session(older.refresh)
    calls = [partial(use, pair.refresh) for pair in (older, newer)] * 10
    answers = at_once(calls)
    assert failures(answers) == []
    assert {answer.refresh for answer in answers} == {None, newer.refresh}
    assert family_of(newer).generation == 2
    tally.add(answers, live=live_lineages([older.refresh, newer.refresh]))
    assert tally.live == {1}


def test_a_used_token_presented_at_once_is_one_alarm(tally):
    with crew(8) as race:
        for _ in range(scaled(1, 20)):
            pair = newest = make_pair()
            for _ in range(2):
                TokenFamily.objects.update(rotated_at=None)
                newest = refresh_session(newest.refresh)
            answers = race([partial(refresh_session, pair.refresh)] * 8)
            assert {type(answer) for answer in answers} == {SessionRevokedError}
            assert kinds(pair) == ["signed_in", "reuse_detected"]
            assert call(newest) == "session_revoked"
            tally.add(answers, live=live_lineages([newest.refresh]))
    assert tally.live == {0}


def test_a_used_token_against_the_newest(tally):
    """Thief and owner in the same instant: the end wins over the refresh."""
    with crew(2) as race:
        for _ in range(scaled(5, 60)):
            stolen = pair = make_pair()
            for _ in range(2):
                TokenFamily.objects.update(rotated_at=None)
                pair = refresh_session(pair.refresh)
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(refresh_session, holder.refresh) for holder in (stolen, pair)])
            assert isinstance(answers[0], SessionRevokedError)
            assert kinds(pair) == ["signed_in", "reuse_detected"]
            tokens = [pair.refresh, *handed_out(answers)]
            tally.add(answers, live=live_lineages(tokens))
    assert tally.live == {0}
