"""Races of threads on a real database; the run says which one.

What holds on SQLite proves nothing about PostgreSQL: each database has its own run.
"""

import os
from functools import partial

import pytest
from django.db import connection

from refresh_sessions.exceptions import (
    RefreshSessionsError,
    SessionExpiredError,
    SessionLimitReachedError,
    SessionRevokedError,
)
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session, start_session
from tests.domain.stories import call, family_of, kinds, refused, session_of
from tests.factories import UserFactory, make_pair
from tests.races.runner import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def failures(results):
    return [result for result in results if isinstance(result, RefreshSessionsError)]


@pytest.mark.parametrize("presenters", [2, 8, 40])
def test_one_token_presented_at_once(presenters):
    pair = make_pair()
    answers = at_once([partial(refresh_session, pair.refresh)] * presenters)
    assert failures(answers) == []
    assert sum(answer.refresh is not None for answer in answers) == 1
    assert family_of(pair).generation == 2
    assert {call(answer) for answer in answers} == {"ok"}


def test_one_token_presented_at_once_again_and_again():
    pair = make_pair()
    for generation in range(2, 12):
        TokenFamily.objects.update(rotated_at=None)
        answers = at_once([partial(refresh_session, pair.refresh)] * 4)
        assert failures(answers) == []
        (pair,) = [answer for answer in answers if answer.refresh]
        assert family_of(pair).generation == generation


def test_a_used_token_presented_at_once_is_one_alarm():
    pair = make_pair()
    newest = pair
    for _ in range(2):
        TokenFamily.objects.update(rotated_at=None)
        newest = refresh_session(newest.refresh)
    answers = at_once([partial(refresh_session, pair.refresh)] * 8)
    assert {type(answer) for answer in answers} == {SessionRevokedError}
    assert kinds(pair) == ["signed_in", "reuse_detected"]
    assert call(newest) == "session_revoked"


def test_refreshing_against_revoking():
    for _ in range(15):
        pair = make_pair()
        revoked, *answers = at_once(
            [
                partial(revoke_session, pair.session, reason="admin"),
                *[partial(refresh_session, pair.refresh)] * 3,
            ]
        )
        assert revoked is True
        for answer in answers:
            if isinstance(answer, RefreshSessionsError):
                assert isinstance(answer, SessionRevokedError)
                continue
            assert call(answer) == "session_revoked"
            if answer.refresh:
                assert refused(answer.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "admin"


def test_revoking_at_once_has_one_author():
    pair = make_pair()
    calls = [partial(revoke_session, pair.session, reason=f"reason {n}") for n in range(8)]
    assert sorted(at_once(calls)) == [False] * 7 + [True]
    assert SessionEvent.objects.filter(kind="revoked").count() == 1


def test_number_of_refreshes_is_never_exceeded(options):
    options(MAX_REFRESHES_PER_SESSION=3)
    pair = make_pair()
    for generation in (2, 3, 4, 4, 4):
        TokenFamily.objects.update(rotated_at=None)
        answers = at_once([partial(refresh_session, pair.refresh)] * 8)
        winners = [a for a in answers if not isinstance(a, SessionExpiredError) and a.refresh]
        pair = winners[0] if winners else pair
        assert family_of(pair).generation == generation
    assert {type(answer) for answer in answers} == {SessionExpiredError}


class TestParallelSignIns:
    def test_the_limit_holds(self, options):
        options(MAX_SESSIONS_PER_USER=2)
        user = UserFactory()
        answers = at_once([partial(start_session, user)] * 8)
        assert failures(answers) == []
        assert DeviceSession.objects.active().count() == 2
        assert [call(answer) for answer in answers].count("ok") == 2

    def test_the_limit_holds_when_it_denies(self, options):
        options(MAX_SESSIONS_PER_USER=2, ON_SESSION_LIMIT="deny")
        user = UserFactory()
        answers = at_once([partial(start_session, user)] * 8)
        refusals = failures(answers)
        assert {type(refusal) for refusal in refusals} == {SessionLimitReachedError}
        assert len(refusals) == 6
        assert DeviceSession.objects.active().count() == 2


def test_the_database_is_the_one_the_run_is_for():
    """Lest a run for a server should quietly fall back to SQLite."""
    vendors = {"sqlite": "sqlite", "postgres": "postgresql", "mariadb": "mysql"}
    assert connection.vendor == vendors[os.environ.get("REFRESH_SESSIONS_TEST_DATABASE", "sqlite")]
