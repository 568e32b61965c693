"""Pruning beside everything else: it takes what is past its time, and nothing more."""

from datetime import timedelta
from functools import partial

import pytest

from refresh_sessions.exceptions import SessionExpiredError, SessionRevokedError
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session, revoke_session, start_session
from refresh_sessions.sessions.prune import prune_sessions
from tests.domain.stories import call, family_of
from tests.factories import UserFactory, make_pair
from tests.races.invariants import failures, handed_out, live_lineages
from tests.races.runner import crew, scaled

pytestmark = pytest.mark.django_db(transaction=True)

OLD = 6


@pytest.fixture
def make_old_pair(options):
    """Sign somebody in on a device whose session has reached its limit at once."""

    def make(user):
        options(SESSION_LIFETIME=timedelta(microseconds=1))
        pair = make_pair(user)
        options(SESSION_LIFETIME=timedelta(days=7))
        return pair

    return make


def test_pruning_against_everything(make_old_pair, tally):
    user = UserFactory()
    prune = partial(prune_sessions, older_than=timedelta(0), batch_size=2)
    with crew(2 + 2 * OLD + 4) as race:
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
            assert len(handed_out([first, second])) == 1
            assert family_of(live).generation == 2
            # What another process held at that moment has been left for the next time.
            left = prune_sessions(older_than=timedelta(0))
            assert sum(deleted_or_ended[:2]) + left == OLD
            tokens = handed_out([first, second, newcomer, another])
            assert {call(pair) for pair in (first, second, newcomer, another)} == {"ok"}
            tally.add([*refusals, first, second], live=live_lineages(tokens[:1]))
            assert DeviceSession.objects.count() == DeviceSession.objects.active().count()
    assert tally.live == {1}
