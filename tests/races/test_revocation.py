"""Refreshes with a concurrent revocation: afterwards no token is usable."""

from functools import partial

import pytest
from django.db import OperationalError, connection

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import (
    check_access_token,
    log_out,
    open_family,
    refresh_session,
    revoke_session,
    revoke_user_sessions,
)
from refresh_sessions.signals import session_revoked
from refresh_sessions.tokens import access_tokens, refresh_tokens
from tests.domain.client_actions import session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.races.invariants import REVOCATION_EVENTS, count_usable_after_revocation, failures
from tests.races.runner import at_once, scaled, thread_pool, with_random_delay

pytestmark = pytest.mark.django_db(transaction=True)

REFRESHERS = 2


def revoke(pair):
    assert revoke_session(pair.session, reason="admin") is True


def revoke_all(pair):
    assert revoke_user_sessions(pair.session.user, reason="admin") == 1


def log_out_by_refresh_token(pair):
    assert log_out(refresh_tokens.verify(pair.refresh)) is True


def log_out_by_access_token(pair):
    assert log_out(access_tokens.verify(pair.access)) is True


def change_password(pair):
    user = type(pair.session.user).objects.get(pk=pair.session.user_id)
    user.set_password("quite another")
    user.save()


def deactivate(pair):
    user = type(pair.session.user).objects.get(pk=pair.session.user_id)
    user.is_active = False
    user.save()


WAYS = [
    (revoke, "admin", scaled(15, 1000)),
    (revoke_all, "admin", scaled(5, 60)),
    (log_out_by_refresh_token, "logout", scaled(5, 60)),
    (log_out_by_access_token, "logout", scaled(5, 60)),
    (change_password, "password_changed", scaled(5, 60)),
    (deactivate, "user_inactive", scaled(5, 60)),
]


@pytest.mark.parametrize(
    ("end", "reason", "rounds"), WAYS, ids=[end.__name__ for end, _, _ in WAYS]
)
def test_refresh_with_concurrent_revocation_leaves_no_usable_token(
    end, reason, rounds, statistics
):
    with thread_pool(1 + REFRESHERS) as race:
        for _ in range(rounds):
            pair = make_pair()
            calls = [partial(end, pair), *[partial(refresh_session, pair.refresh)] * REFRESHERS]
            _, *answers = race([with_random_delay(call) for call in calls])
            assert {type(refusal) for refusal in failures(answers)} <= {SessionRevokedError}
            statistics.add(answers, live=count_usable_after_revocation(pair, answers))
            assert session_of(pair).revoked_reason == reason
    assert statistics.live == {0}


def test_open_family_with_concurrent_revocation_leaves_no_usable_token(statistics):
    with thread_pool(2) as race:
        for _ in range(scaled(5, 60)):
            pair = make_pair()
            grant = check_access_token(pair.access)
            calls = [partial(revoke, pair), partial(open_family, grant, pair.refresh)]
            _, *answers = race([with_random_delay(call) for call in calls])
            assert {type(refusal) for refusal in failures(answers)} <= {SessionRevokedError}
            statistics.add(answers, live=count_usable_after_revocation(pair, answers))
    assert statistics.live == {0}


def test_concurrent_revocations_of_session_take_effect_once():
    with thread_pool(4) as race:
        for _ in range(scaled(3, 30)):
            pair = make_pair()
            ways = [revoke_session, revoke_session, revoke_session]
            calls = [
                partial(way, pair.session, reason=f"way {number}")
                for number, way in enumerate(ways)
            ]
            calls.append(partial(log_out, refresh_tokens.verify(pair.refresh)))
            ended = race(calls)
            assert sorted(ended) == [False] * 3 + [True]
            reason = "logout" if ended[-1] else f"way {ended.index(True)}"
            assert session_of(pair).revoked_reason == reason
            assert count_usable_after_revocation(pair, []) == 0


def test_concurrent_revocations_of_user_sessions_take_effect_once():
    with thread_pool(5) as race:
        for _ in range(scaled(2, 15)):
            user = UserFactory()
            pairs = [make_pair(user) for _ in range(5)]
            everywhere = [partial(revoke_user_sessions, user, reason="admin", by=user)] * 3
            single = [partial(revoke_session, pair.session, reason="user") for pair in pairs[:2]]
            ended = race([*everywhere, *single])
            assert sum(ended) == len(pairs)
            assert not DeviceSession.objects.active().exists()
            ends = SessionEvent.objects.filter(kind__in=REVOCATION_EVENTS, session__user=user)
            assert sorted(ends.values_list("session", flat=True)) == sorted(
                pair.session.pk for pair in pairs
            )


class _RefusedError(Exception):
    sqlstate = "40001"


def test_revocation_commit_fails_other_revokes_meanwhile_returns_false(monkeypatch):
    """The commit fails, and another thread revokes the session with the same reason."""
    pair = make_pair()
    calls = [partial(revoke_session, pair.session, reason="admin")]
    others = []

    def refuse():
        monkeypatch.undo()
        connection.rollback()
        others.extend(at_once(calls))
        raise OperationalError from _RefusedError()

    monkeypatch.setattr(connection, "commit", refuse)
    with heard(session_revoked) as announced:
        assert calls[0]() is False
    assert others == [True]
    assert len(announced) == 1
    assert count_usable_after_revocation(pair, []) == 0
