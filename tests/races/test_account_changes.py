"""Concurrent requests after a change of the account: each session is revoked once."""

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, transaction

from refresh_sessions.database import is_transient
from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import check_access_token, refresh_session, revoke_session
from refresh_sessions.sessions.prune import prune_sessions
from refresh_sessions.signals import session_revoked
from tests.domain.client_actions import session_of
from tests.factories import UserFactory, make_pair
from tests.listeners import heard
from tests.races.invariants import REVOCATION_EVENTS, failures, revocation_events
from tests.races.runner import scaled, thread_pool, with_random_delay

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = {
    "user_inactive": {"is_active": False},
    "password_changed": {"password": make_password("by SQL")},
}


@pytest.mark.parametrize("reason", CHANGES)
def test_concurrent_requests_account_changed_revoke_once(reason):
    with thread_pool(7) as race:
        for _ in range(scaled(5, 100)):
            pair = make_pair()
            get_user_model().objects.filter(pk=pair.session.user_id).update(**CHANGES[reason])
            calls = [
                *[partial(check_access_token, pair.access)] * 3,
                *[partial(refresh_session, pair.refresh)] * 3,
                prune_sessions,
            ]
            with heard(session_revoked) as announced:
                *refusals, pruned = race(calls)
            assert {type(refusal) for refusal in refusals} == {SessionRevokedError}
            assert pruned == 0
            assert revocation_events(pair) == ["revoked"]
            assert [(one["session"].pk, one["reason"]) for one in announced] == [
                (pair.session.pk, reason)
            ]
            assert session_of(pair).revoked_reason == reason


def save_inactive(user, *, in_transaction):
    user = get_user_model().objects.get(pk=user.pk)
    user.is_active = False
    if not in_transaction:
        user.save()
        return
    for _ in range(20):
        try:
            with transaction.atomic():
                user.save()
        except DatabaseError as error:
            # Strict isolation levels reject concurrent changes: the caller retries the
            # transaction.
            if not is_transient(error):
                raise
        else:
            return
    raise TimeoutError("the user could not be saved")


@pytest.mark.parametrize("in_transaction", [False, True])
def test_user_save_with_concurrent_requests_revokes_each_session_once(in_transaction):
    with thread_pool(6) as race:
        for _ in range(scaled(5, 60)):
            user, staff = UserFactory(), UserFactory()
            pairs = [make_pair(user) for _ in range(3)]
            calls = [
                partial(save_inactive, user, in_transaction=in_transaction),
                *[partial(check_access_token, pair.access) for pair in pairs],
                partial(refresh_session, pairs[0].refresh),
                partial(revoke_session, pairs[1].session, reason="admin", by=staff),
            ]
            with heard(session_revoked) as announced:
                answers = race([with_random_delay(call) for call in calls])
            assert {type(one) for one in failures(answers)} <= {SessionRevokedError}
            keys = sorted(pair.session.pk for pair in pairs)
            events = SessionEvent.objects.filter(kind__in=REVOCATION_EVENTS, session__user=user)
            assert sorted(events.values_list("session", flat=True)) == keys
            assert sorted(one["session"].pk for one in announced) == keys
            assert not DeviceSession.objects.unended().filter(user=user).exists()
