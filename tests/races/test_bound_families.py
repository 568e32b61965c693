"""Concurrent requests of a bound family: with the key, with one proof, and without the key."""

from functools import partial

import pytest
from django.test import RequestFactory

from refresh_sessions.exceptions import InvalidDPoPProofError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import log_out, refresh_session
from refresh_sessions.tokens import refresh_tokens
from tests.binding.keys import ClientKey
from tests.factories import make_pair
from tests.races.invariants import failures, pairs
from tests.races.runner import scaled, thread_pool

pytest.importorskip("cryptography")

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/auth/refresh/"
OWNER, ATTACKER = ClientKey(), ClientKey(number=1)
THREADS = 8


def request(proof=None):
    headers = {} if proof is None else {"dpop": proof}
    return RequestFactory().post(PATH, headers=headers)


def bound_pair():
    pair = make_pair(request=request(OWNER.proof(PATH)))
    assert pair.family.binding == "dpop"
    return pair


def refresh_with(key, token):
    return refresh_session(token, request=request(key.proof(PATH)))


def test_concurrent_refreshes_with_key_share_one_successor(statistics):
    pair = bound_pair()
    with thread_pool(THREADS) as race:
        for generation in range(2, scaled(4, 40)):
            TokenFamily.objects.update(rotated_at=None)
            answers = race([partial(refresh_with, OWNER, pair.refresh)] * THREADS)
            assert failures(answers) == []
            assert TokenFamily.objects.get().generation == generation
            (token,) = {answer.refresh for answer in answers}
            pair = answers[0]
            assert pair.refresh == token
            statistics.add(answers, live=1)


def test_concurrent_requests_with_one_proof_serve_once(statistics):
    """The proof was copied together with the token."""
    with thread_pool(THREADS) as race:
        for _ in range(scaled(3, 30)):
            TokenFamily.objects.all().delete()
            pair, proof = bound_pair(), OWNER.proof(PATH)
            calls = [
                partial(refresh_session, pair.refresh, request=request(proof))
                for _ in range(THREADS)
            ]
            answers = race(calls)
            assert len(pairs(answers)) == 1
            assert {error.reason for error in failures(answers)} == {"proof_replayed"}
            assert TokenFamily.objects.get().generation == 2
            statistics.add(answers, live=1)


def test_concurrent_requests_without_key_record_one_event(statistics):
    with thread_pool(THREADS) as race:
        for _ in range(scaled(3, 30)):
            DeviceSession.objects.all().delete()
            pair = bound_pair()
            claims = refresh_tokens.verify(pair.refresh)
            calls = [
                partial(refresh_with, ATTACKER, pair.refresh),
                partial(refresh_session, pair.refresh, request=request()),
                partial(log_out, claims, request=request()),
                partial(refresh_with, OWNER, pair.refresh),
            ] * (THREADS // 4)
            answers = race(calls)
            refused = failures(answers)
            assert len(pairs(answers)) == THREADS // 4
            assert len(refused) == THREADS * 3 // 4
            assert {type(error) for error in refused} == {InvalidDPoPProofError}
            events = SessionEvent.objects.filter(kind="bound_token_misused")
            assert events.count() == 1
            assert DeviceSession.objects.get().revoked_at is None
            statistics.add(answers, live=1)
