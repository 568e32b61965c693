"""No forged token is accepted anywhere, writes anything, or ends anybody's session."""

import pytest

from refresh_sessions.tokens.keys import Purpose, find_config_errors
from refresh_sessions.tokens.keys.asymmetric import public_jwk
from refresh_sessions.tokens.keys.new_keys import parse_key
from tests.domain.stories import call
from tests.forgery.endpoints import (
    ENDPOINTS,
    WITHOUT_SIGNING_OUT,
    at_a_view,
    at_logout_as_bearer,
    at_ones_sessions,
    at_refresh,
    nothing_written,
    try_all,
)
from tests.forgery.signed_forgeries import contradictory, signed_forgeries
from tests.forgery.unsigned_forgeries import brought_along, unsigned_forgeries
from tests.keys import text

pytestmark = pytest.mark.django_db

kinds = pytest.mark.parametrize("purpose", Purpose)


def test_the_scene_is_in_order(scene):
    """What is forged below is accepted as it is, or nothing would be proven."""
    assert list(find_config_errors()) == []
    assert [call(pair) for pair in (scene.victim, scene.sibling, scene.stranger)] == ["ok"] * 3


@kinds
def test_of_attackers_without_a_key(scene, purpose):
    with nothing_written():
        count, wrong = try_all(unsigned_forgeries(scene, purpose), ENDPOINTS)
    assert wrong == []
    assert count >= 150


@kinds
def test_with_a_genuine_signature(scene, purpose):
    with nothing_written():
        count, wrong = try_all(signed_forgeries(scene, purpose), ENDPOINTS)
    assert wrong == []
    assert count >= 150


@kinds
@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA"])
def test_with_a_key_of_the_attacker(scene, purpose, algorithm):
    if algorithm != "HS256":
        pytest.importorskip("cryptography")
    own = parse_key(text(algorithm, 13), algorithm, Purpose.ACCESS)
    jwk = {"kty": "oct", "k": text(algorithm, 13)} if own.is_symmetric else public_jwk(own)
    with nothing_written():
        count, wrong = try_all(brought_along(scene, purpose, own, jwk), ENDPOINTS)
    assert wrong == []
    assert count == 15


def test_in_contradiction_to_the_database(scene):
    with nothing_written():
        count, wrong = try_all(contradictory(scene), WITHOUT_SIGNING_OUT)
    assert wrong == []
    assert count == 12


def test_the_right_token_at_the_wrong_door(scene):
    access, refresh = scene.victim.access, scene.victim.refresh
    with nothing_written():
        assert at_refresh(access) is None
        for door in (at_a_view, at_ones_sessions, at_logout_as_bearer):
            assert door(refresh) is None


def test_every_changed_character(scene):
    """Of the signature in particular: each is one spelling of one value."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    with nothing_written():
        for token, door in ((scene.victim.access, at_a_view), (scene.victim.refresh, at_refresh)):
            for index in range(0, len(token), 7):
                if token[index] != ".":
                    other = alphabet[(alphabet.index(token[index]) + 17) % 64]
                    assert door(token[:index] + other + token[index + 1 :]) is None, index
