"""Races over HTTP, with several server processes."""

from collections import Counter
from functools import partial
from importlib.util import find_spec

import pytest

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import check_access_token, revoke_session
from tests.domain.client_actions import family_of, kinds, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.races.invariants import revocation_events, rows
from tests.races.runner import scaled, thread_pool, with_random_delay
from tests.races.server import ask, gunicorn

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not find_spec("gunicorn"), reason="gunicorn is not installed"),
]

PRESENTERS = 40


@pytest.fixture(scope="module")
def port(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), gunicorn() as port:
        yield port


def refresh(port, token):
    return ask(port, "POST", "/auth/refresh/", {"refresh": token})


def statuses(answers):
    return Counter(answer.status for answer in answers)


def call_status(port, answer):
    """Return the status of a call with the access token of an answer."""
    return ask(port, "GET", "/who-am-i/", access=answer.body["access"]).status


def test_concurrent_refreshes_over_http_issue_one_token(port, statistics):
    pair = make_pair()
    token, before = pair.refresh, rows()
    workers = set()
    with thread_pool(PRESENTERS) as race:
        for generation in range(2, scaled(1, 6) + 2):
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(refresh, port, token)] * PRESENTERS)
            assert statuses(answers) == {200: PRESENTERS}
            issued_refresh_tokens = [
                answer.body["refresh"] for answer in answers if "refresh" in answer.body
            ]
            assert len(issued_refresh_tokens) == 1
            assert family_of(pair).generation == generation
            for answer in answers:
                assert check_access_token(answer.body["access"])
            usable = [refresh(port, held) for held in (token, *issued_refresh_tokens)]
            statistics.add(answers, live=sum("refresh" in answer.body for answer in usable))
            workers |= {answer.worker for answer in answers}
            (token,) = issued_refresh_tokens
    assert statistics.live == {1}
    assert len(workers) > 1
    assert rows() == before
    assert kinds(pair) == ["signed_in"]


def revoke(port, pair):
    """In the process of the test; the servers are other processes."""
    assert revoke_session(pair.session, reason="admin") is True


def log_out(port, pair):
    assert ask(port, "POST", "/auth/logout/", {"refresh": pair.refresh}).status == 204


def log_out_by_access_token(port, pair):
    assert ask(port, "POST", "/auth/logout/", {}, access=pair.access).status == 204


def revoke_all(port, pair):
    answer = ask(port, "POST", "/auth/sessions/revoke-all/", {}, access=pair.access)
    assert (answer.status, answer.body) == (200, {"revoked": 1})


@pytest.mark.parametrize("end", [revoke, log_out, log_out_by_access_token, revoke_all])
def test_refresh_over_http_with_concurrent_revocation_leaves_no_usable_token(
    port, end, statistics
):
    user = UserFactory()
    with thread_pool(4) as race:
        for _ in range(scaled(3, 25)):
            pair = make_pair(user)
            calls = [partial(end, port, pair), *[partial(refresh, port, pair.refresh)] * 3]
            _, *answers = race([with_random_delay(call, within=0.03) for call in calls])
            assert set(statuses(answers)) <= {200, 401}
            given = [answer for answer in answers if answer.status == 200]
            held = [pair.refresh, *(a.body["refresh"] for a in given if "refresh" in a.body)]
            assert {call_status(port, answer) for answer in given} <= {401}
            usable = [refresh(port, token).status == 200 for token in held]
            statistics.add(answers, live=sum(usable))
            assert len(revocation_events(pair)) == 1
            assert session_of(pair).revoked_at
    assert statistics.live == {0}


def test_concurrent_logins_over_http_stay_within_session_limit(port, statistics):
    """The limit is three sessions."""
    with thread_pool(8) as race:
        for _ in range(scaled(1, 10)):
            user = UserFactory()
            credentials = {"username": user.get_username(), "password": PASSWORD}
            answers = race([partial(ask, port, "POST", "/auth/login/", credentials)] * 8)
            assert statuses(answers) == {200: 8}
            assert DeviceSession.objects.active().for_user(user).count() == 3
            assert Counter(call_status(port, answer) for answer in answers) == {200: 3, 401: 5}
            usable = [refresh(port, answer.body["refresh"]).status == 200 for answer in answers]
            statistics.add(answers, live=sum(usable))
    assert statistics.live == {3}
