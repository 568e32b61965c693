"""Sender-constrained tokens: ASVS V10 at level 3, and the FAPI 2.0 Security Profile."""

import time

import pytest
from rest_framework.test import APIClient

from refresh_sessions.tokens.client_keys import has_cryptography
from tests.binding.keys import BoundClient, ClientKey
from tests.standards.registry import beyond, deviates, passes

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not has_cryptography(), reason="the extra crypto is not installed"),
]

LETTER = {"DPOP": "require", "DPOP_ACCESS_TOKENS": True}
REMEDY = '`"DPOP": "require", "DPOP_ACCESS_TOKENS": True`'


@pytest.fixture
def owner(credentials):
    """A client with a bound session."""
    client = BoundClient(APIClient())
    assert client.log_in(credentials).status_code == 200
    return client


@pytest.fixture
def attacker(owner):
    """A client with copies of the owner's tokens, and another key."""
    return BoundClient(
        APIClient(),
        key=ClientKey(number=1),
        refresh_token=owner.refresh_token,
        access=owner.access,
        scheme=owner.scheme,
    )


def call(client, **options):
    return client.request("get", "/who-am-i/", with_access=True, **options).status_code


@deviates(
    "ASVS 10.3.5",
    "A stolen access token cannot be used: each request needs a DPoP proof of the client's key.",
    why="Only refresh tokens are bound, of the clients that have a key. An access token is a "
    "bearer token: a copy is valid for the rest of its 15 minutes.",
    letter=LETTER,
    remedy=REMEDY,
)
def test_asvs_10_3_5_stolen_access_token(by_letter, owner, attacker):
    assert call(owner) == 200
    assert call(attacker) == (401 if by_letter else 200)
    attacker.scheme = "Bearer"
    assert call(attacker) == (401 if by_letter else 200)


@deviates(
    "ASVS 10.4.14",
    "Only sender-constrained tokens are issued.",
    why="A session is bound if its login brings a DPoP proof: no client is forced to have a key. "
    "The others have rotation, which detects reuse.",
    letter=LETTER,
    remedy=REMEDY,
)
def test_asvs_10_4_14_login_without_key(by_letter, credentials, owner, attacker):
    answer = BoundClient(APIClient()).log_in(credentials, proof=None)
    assert answer.status_code == (403 if by_letter else 200)
    assert owner.scheme == ("DPoP" if by_letter else "Bearer")
    # A bound session is bound with both settings.
    assert attacker.refresh().status_code == 401
    assert owner.refresh().status_code == 200


@deviates(
    "FAPI 2.0 §5.3.2.1 tokens",
    "Access tokens are issued with DPoP or mutual TLS only.",
    why="As ASVS 10.4.14. Mutual TLS is not supported.",
    letter=LETTER,
    remedy=REMEDY,
)
def test_fapi_2_0_5_3_2_1_tokens_are_bound(by_letter, credentials, owner):
    answer = BoundClient(APIClient()).log_in(credentials, proof=None)
    assert answer.status_code == (403 if by_letter else 200)
    assert owner.refresh().json().get("token_type") == ("DPoP" if by_letter else None)


@passes(
    "FAPI 2.0 §5.3.2.1 clocks",
    "A proof with an `iat` up to 10 seconds in the future is accepted; one of more than 60 "
    "seconds in the future is refused.",
)
@pytest.mark.parametrize(("ahead", "status"), [(0, 200), (10, 200), (62, 401)])
def test_fapi_2_0_5_3_2_1_clocks_may_differ_by_seconds(owner, ahead, status):
    proof = owner.key.proof("refresh/", iat=int(time.time()) + ahead)
    assert owner.refresh(proof=proof).status_code == status


beyond(
    "FAPI 2.0 §5.3.2.1 rotation",
    "FAPI advises against rotation, as its clients are confidential. Here refresh tokens rotate "
    "in bound sessions too: a reuse with the key shows that the device itself is under control.",
)


@deviates(
    "FAPI 2.0 §5.3.4",
    "Access tokens are accepted in the header only, and verified with their key.",
    why="In the header only; bearer tokens are accepted for sessions whose access tokens are not "
    "bound.",
    letter=LETTER,
    remedy=REMEDY,
)
def test_fapi_2_0_5_3_4_access_token_in_header_with_key(by_letter, owner):
    assert call(owner) == 200
    query = f"/who-am-i/?access_token={owner.access}"
    assert owner.request("get", query, proof=None).status_code == 401
    owner.scheme = "Bearer"
    assert call(owner, proof=None) == (401 if by_letter else 200)


beyond(
    "FAPI 2.0 §5.4",
    "Proofs may have PS256, ES256 or EdDSA, as FAPI requires, and RS256 in addition, for keys in "
    "hardware that signs with nothing else. Access tokens have the algorithm of `KEYS`.",
)
