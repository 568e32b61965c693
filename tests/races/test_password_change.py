"""Concurrent password changes on two devices, with refreshes of both."""

from functools import partial

import pytest

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import SessionEvent
from refresh_sessions.sessions import (
    TokenPair,
    change_password,
    check_access_token,
    refresh_session,
)
from refresh_sessions.signals import session_revoked
from tests.domain.client_actions import call, session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.races.runner import scaled, thread_pool, with_random_delay

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORDS = ("of the laptop", "of the phone")


def test_concurrent_password_changes_keep_session_of_one_device():
    with thread_pool(4) as race:
        for _ in range(scaled(15, 300)):
            user = UserFactory()
            pairs = [make_pair(user), make_pair(user)]
            grants = [check_access_token(pair.access) for pair in pairs]
            changes = [
                partial(change_password, grant, password)
                for grant, password in zip(grants, PASSWORDS, strict=True)
            ]
            refreshes = [partial(refresh_session, pair.refresh) for pair in pairs]
            with heard(session_revoked) as revoked:
                answers = race([with_random_delay(each) for each in (*changes, *refreshes)])[:2]
            (winner,) = [at for at in (0, 1) if isinstance(answers[at], TokenPair)]
            loser = 1 - winner
            assert isinstance(answers[loser], SessionRevokedError)
            user.refresh_from_db()
            assert user.check_password(PASSWORDS[winner])
            assert call(answers[winner]) == "ok"
            assert call(pairs[loser]) == "session_revoked"
            assert session_of(pairs[winner]).revoked_at is None
            assert session_of(pairs[loser]).revoked_reason == "password_changed"
            assert len(revoked) == 1
            events = SessionEvent.objects.filter(session__user=user)
            assert events.filter(kind="revoked").count() == 1
            assert events.filter(kind="password_changed").count() == 1
