"""Forged tokens at every endpoint: refused, without a write or a revocation."""

import pytest

from refresh_sessions.tokens.keys import Purpose, find_config_errors
from refresh_sessions.tokens.keys.asymmetric import public_jwk
from refresh_sessions.tokens.keys.new_keys import parse_key
from tests.domain.client_actions import call
from tests.forgery.endpoints import (
    ENDPOINTS,
    WITHOUT_LOGOUT,
    logout_with_bearer,
    no_writes,
    refresh,
    send_all,
    session_list,
    view,
)
from tests.forgery.signed_forgeries import contradictory, signed_forgeries
from tests.forgery.unsigned_forgeries import unsigned_forgeries, with_own_key
from tests.keys import text

pytestmark = pytest.mark.django_db

kinds = pytest.mark.parametrize("purpose", [Purpose.ACCESS, Purpose.REFRESH])


def test_genuine_tokens_are_accepted(targets):
    """Control: the tokens that the forgeries start from are valid."""
    assert list(find_config_errors()) == []
    assert [call(pair) for pair in (targets.victim, targets.sibling, targets.stranger)] == [
        "ok"
    ] * 3


@kinds
def test_forgery_without_key_is_refused(targets, purpose):
    with no_writes():
        count, wrong = send_all(unsigned_forgeries(targets, purpose), ENDPOINTS)
    assert wrong == []
    assert count >= 150


@kinds
def test_forgery_with_genuine_signature_is_refused(targets, purpose):
    with no_writes():
        count, wrong = send_all(signed_forgeries(targets, purpose), ENDPOINTS)
    assert wrong == []
    assert count >= 150


@kinds
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA"])
def test_forgery_with_key_of_attacker_is_refused(targets, purpose, algorithm):
    if algorithm != "HS256":
        pytest.importorskip("cryptography")
    own = parse_key(text(algorithm, 13), algorithm, Purpose.ACCESS)
    jwk = {"kty": "oct", "k": text(algorithm, 13)} if own.is_symmetric else public_jwk(own)
    with no_writes():
        count, wrong = send_all(with_own_key(targets, purpose, own, jwk), ENDPOINTS)
    assert wrong == []
    assert count == 15


def test_token_contradicting_database_is_refused(targets):
    with no_writes():
        count, wrong = send_all(contradictory(targets), WITHOUT_LOGOUT)
    assert wrong == []
    assert count == 12


def test_token_of_other_kind_is_refused(targets):
    access_token, refresh_token = targets.victim.access, targets.victim.refresh
    with no_writes():
        assert refresh(access_token) is None
        for endpoint in (view, session_list, logout_with_bearer):
            assert endpoint(refresh_token) is None


def test_token_with_any_changed_character_is_refused(targets):
    """Also in the signature: each value has one encoding."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    with no_writes():
        for token, endpoint in ((targets.victim.access, view), (targets.victim.refresh, refresh)):
            for index in range(0, len(token), 7):
                if token[index] != ".":
                    other = alphabet[(alphabet.index(token[index]) + 17) % 64]
                    assert endpoint(token[:index] + other + token[index + 1 :]) is None, index
