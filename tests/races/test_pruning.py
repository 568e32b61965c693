"""Pruning with concurrent requests: only expired sessions are deleted."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from refresh_sessions.bulk_delete import BulkDeletion
from refresh_sessions.exceptions import SessionExpiredError, SessionRevokedError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session, start_session
from refresh_sessions.sessions.prune import prune_sessions
from tests.domain.client_actions import call, family_of
from tests.factories import UserFactory, make_pair
from tests.races.invariants import count_usable, failures, issued_refresh_tokens
from tests.races.runner import scaled, thread_pool

pytestmark = pytest.mark.django_db(transaction=True)

OLD = 6


@pytest.fixture
def make_old_pair(options):
    """Return a function that logs a user in with a session at its hard deadline."""

    def make(user):
        options(SESSION_LIFETIME=timedelta(microseconds=1))
        pair = make_pair(user)
        options(SESSION_LIFETIME=timedelta(days=7))
        return pair

    return make


def test_prune_with_concurrent_requests_deletes_only_expired_sessions(make_old_pair, statistics):
    user = UserFactory()
    prune = partial(prune_sessions, older_than=timedelta(0), batch_size=2)
    with thread_pool(2 + 2 * OLD + 4) as race:
        for _ in range(scaled(2, 30)):
            old = [make_old_pair(user) for _ in range(OLD)]
            live = make_pair(user)
            *deleted_or_ended, first, second, newcomer, another = race(
                [
                    prune,
                    prune,
                    *[partial(revoke_session, pair.session, reason="admin") for pair in old],
                    *[partial(refresh_session, pair.refresh) for pair in old],
                    *[partial(refresh_session, live.refresh)] * 2,
                    *[partial(start_session, user)] * 2,
                ]
            )
            refusals = deleted_or_ended[-OLD:]
            assert {type(refusal) for refusal in refusals} <= {
                SessionExpiredError,
                SessionRevokedError,
            }
            assert failures([first, second, newcomer, another]) == []
            assert len(issued_refresh_tokens([first, second])) == 1
            assert family_of(live).generation == 2
            # Rows that were locked by another process are left for the next run.
            left = prune_sessions(older_than=timedelta(0))
            assert sum(deleted_or_ended[:2]) + left == OLD
            tokens = issued_refresh_tokens([first, second, newcomer, another])
            assert {call(pair) for pair in (first, second, newcomer, another)} == {"ok"}
            statistics.add([*refusals, first, second], live=count_usable(tokens[:1]))
            assert DeviceSession.objects.count() == DeviceSession.objects.active().count()
    assert statistics.live == {1}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a function of PostgreSQL")
@pytest.mark.parametrize("concurrent", ["event", "family"])
def test_prune_with_a_row_inserted_during_its_statement_deletes_that_row_too(
    make_old_pair, concurrent
):
    """The statement has begun when the session gets the row, and locks the session after that."""
    session = make_old_pair(UserFactory()).session
    slowly = DeviceSession.objects.extra(where=["pg_sleep(1) IS NOT NULL"])
    children = {SessionEvent: "session", TokenFamily: "session"}
    deletion = BulkDeletion(rows=slowly, oldest_by="expires_at", children=children)

    def insert():
        time.sleep(0.3)
        if concurrent == "event":
            at = session.created_at
            return SessionEvent.objects.create(session=session, kind="revoked", created_at=at)
        return TokenFamily.objects.create(
            session=session, secret_digest="", idle_expires_at=session.expires_at
        )

    with thread_pool(2) as race:
        deleted, inserted = race([partial(deletion.execute, batch_size=10), insert])
    assert deleted == 1
    assert inserted.pk
    assert not DeviceSession.objects.exists()
    assert not SessionEvent.objects.exists()
    assert not TokenFamily.objects.exists()
