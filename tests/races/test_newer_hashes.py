"""Logins that store a newer hash of the password, with concurrent refreshes and logins."""

from functools import partial

import pytest
from django.contrib.auth.hashers import make_password

from refresh_sessions.identity import authenticate
from refresh_sessions.sessions import refresh_session
from tests.domain.client_actions import call, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.hashers import newer_hashers
from tests.races.invariants import count_usable, failures
from tests.races.runner import scaled, thread_pool, with_random_delay

pytestmark = pytest.mark.django_db(transaction=True)


def log_in(user):
    return make_pair(authenticate(None, username=user.get_username(), password=PASSWORD))


def test_login_with_newer_hash_concurrent_requests_keep_sessions(statistics):
    with newer_hashers(), thread_pool(4) as race:
        for _ in range(scaled(20, 400)):
            user = UserFactory()
            user.password = make_password(PASSWORD, hasher="md5")
            user.save()
            there, elsewhere = make_pair(user), make_pair(user)
            calls = [partial(log_in, user)] * 2
            calls += [partial(refresh_session, pair.refresh) for pair in (there, elsewhere)]
            answers = race([with_random_delay(each) for each in calls])
            assert failures(answers) == []
            assert [call(pair) for pair in (there, elsewhere, *answers)] == ["ok"] * 6
            assert session_of(there).user.password.startswith("newer$")
            statistics.add(answers, live=count_usable(pair.refresh for pair in answers))
    assert statistics.live == {4}
