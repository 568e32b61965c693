"""Concurrent refreshes with one refresh token.

A result on SQLite says nothing about PostgreSQL: each database has its own run, and with ``tox -e
races`` each of its isolation levels.
"""

from functools import partial

import pytest

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session
from tests.domain.client_actions import call, family_of, kinds
from tests.factories import make_pair
from tests.races.invariants import count_usable, failures, issued_refresh_tokens, rows
from tests.races.runner import at_once, scaled, thread_pool

pytestmark = pytest.mark.django_db(transaction=True)


def refresh_and_call(token):
    """Refresh, then use the new access token, as a client does."""
    answer = refresh_session(token)
    check_access_token(answer.access)
    return answer


SIZES = [
    (2, scaled(5, 60), refresh_session),
    (2, scaled(5, 60), refresh_and_call),
    (40, scaled(1, 8), refresh_session),
    (40, scaled(1, 8), refresh_and_call),
]
if scaled(0, 1):
    SIZES.append((200, 3, refresh_and_call))


@pytest.mark.parametrize(
    ("presenters", "rounds", "present"),
    SIZES,
    ids=[f"{presenters}-{present.__name__}" for presenters, _, present in SIZES],
)
def test_concurrent_refreshes_of_one_token_issue_one_token(
    presenters, rounds, present, statistics
):
    pair = make_pair()
    before = rows()
    with thread_pool(presenters) as race:
        for generation in range(2, rounds + 2):
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(present, pair.refresh)] * presenters)
            assert failures(answers) == []
            assert len(issued_refresh_tokens(answers)) == 1
            family = family_of(pair)
            assert (family.generation, family.redeemable_generation) == (
                generation,
                generation - 1,
            )
            assert {call(answer) for answer in answers} == {"ok"}
            statistics.add(
                answers, live=count_usable([pair.refresh, *issued_refresh_tokens(answers)])
            )
            (pair,) = [answer for answer in answers if answer.refresh]
    assert statistics.live == {1}
    assert rows() == before
    assert kinds(pair) == ["signed_in"]


def test_concurrent_refreshes_of_old_or_new_token_issue_no_other_token(statistics):
    """Some tabs have read the new token from the storage, others have not."""
    older = make_pair()
    newer = refresh_session(older.refresh)
    calls = [partial(refresh_and_call, pair.refresh) for pair in (older, newer)] * 10
    answers = at_once(calls)
    assert failures(answers) == []
    assert {answer.refresh for answer in answers} == {None, newer.refresh}
    assert family_of(newer).generation == 2
    statistics.add(answers, live=count_usable([older.refresh, newer.refresh]))
    assert statistics.live == {1}


def test_concurrent_requests_with_used_token_record_one_reuse(statistics):
    with thread_pool(8) as race:
        for _ in range(scaled(1, 20)):
            pair = newest = make_pair()
            for _ in range(2):
                TokenFamily.objects.update(rotated_at=None)
                newest = refresh_session(newest.refresh)
            answers = race([partial(refresh_session, pair.refresh)] * 8)
            assert {type(answer) for answer in answers} == {SessionRevokedError}
            assert kinds(pair) == ["signed_in", "reuse_detected"]
            assert call(newest) == "session_revoked"
            statistics.add(answers, live=count_usable([newest.refresh]))
    assert statistics.live == {0}


def test_used_token_with_concurrent_refresh_of_newest_revokes_session(statistics):
    """Attacker and owner at the same time: the revocation takes precedence."""
    with thread_pool(2) as race:
        for _ in range(scaled(5, 60)):
            stolen = pair = make_pair()
            for _ in range(2):
                TokenFamily.objects.update(rotated_at=None)
                pair = refresh_session(pair.refresh)
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(refresh_session, holder.refresh) for holder in (stolen, pair)])
            assert isinstance(answers[0], SessionRevokedError)
            assert kinds(pair) == ["signed_in", "reuse_detected"]
            tokens = [pair.refresh, *issued_refresh_tokens(answers)]
            statistics.add(answers, live=count_usable(tokens))
    assert statistics.live == {0}
