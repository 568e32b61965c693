"""Hostile proofs at every kind of endpoint: refused, without a write or a revocation."""

import pytest

from refresh_sessions.models import SessionEvent
from tests.binding.hostile_proofs import Target, find_accepted, hostile_proofs
from tests.binding.keys import ClientKey
from tests.factories import PASSWORD
from tests.forgery.endpoints import no_writes

pytestmark = pytest.mark.django_db

# What an attacker with the tokens can send, and whether the endpoint requires the owner's key.
REQUESTS = {
    "refresh/": lambda owner: {"refresh": owner.refresh_token},
    "logout/": lambda owner: {"refresh": owner.refresh_token},
    "revoke/": lambda owner: {"token": owner.refresh_token},
    "reauthenticate/": lambda owner: {"password": PASSWORD},
}


@pytest.fixture(autouse=True)
def _no_rates(rate):
    rate(None)


@pytest.fixture
def reported(owner, attacker):
    """The misuse was reported in this hour, so that nothing more is written."""
    assert attacker.refresh().status_code == 401
    assert SessionEvent.objects.filter(kind="bound_token_misused").count() == 1


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("path", REQUESTS)
def test_hostile_proof_is_refused(owner, path):
    body = REQUESTS[path](owner)

    def send(proof):
        return owner.post(path, body, proof=proof, with_access=path == "reauthenticate/")

    with no_writes():
        count, wrong = find_accepted(send, hostile_proofs(Target(owner.key, path)))
    assert wrong == []
    assert count >= 150
    assert owner.refresh().status_code == 200


def test_hostile_proof_logs_nobody_in(client, credentials):
    def send(proof):
        return client.log_in(credentials, proof=proof)

    target = Target(client.key, "login/")
    with no_writes():
        count, wrong = find_accepted(send, hostile_proofs(target, bound=False))
    assert wrong == []
    assert count >= 140
    assert client.log_in(credentials).status_code == 200


@pytest.mark.parametrize("check", ["session", "stateless"])
def test_hostile_proof_opens_no_view(client, credentials, options, check):
    options(DPOP_ACCESS_TOKENS=True, ACCESS_TOKEN_CHECK=check)
    client.log_in(credentials)

    def send(proof):
        return client.request("get", "/who-am-i/", proof=proof, with_access=True)

    class WithDigest(Target):
        def proof(self, **changes):
            return super().proof(access=client.access, **changes)

    with no_writes():
        count, wrong = find_accepted(
            send, hostile_proofs(WithDigest(client.key, "/who-am-i/", "GET"))
        )
    assert wrong == []
    assert count >= 150
    assert client.request("get", "/who-am-i/", with_access=True).status_code == 200


def test_proof_of_other_endpoint_is_refused(owner):
    """A proof that was copied from a log or a proxy."""
    for path in ("refresh/", "logout/", "login/"):
        proof = owner.key.proof(path)
        for other in {"refresh/", "logout/"} - {path}:
            body = {"refresh": owner.refresh_token}
            assert owner.post(other, body, proof=proof).json()["reason"] == "proof_url"


def test_genuine_proof_is_accepted_in_each_form(owner):
    """Control: what the RFC leaves to the client is no reason to refuse."""
    key = owner.key
    metadata = {"kid": "1", "use": "sig", "key_ops": ["verify"], "ext": True, "alg": "ES256"}
    import time  # noqa: PLC0415

    for proof in (
        key.proof("refresh/", header={"jwk": {**key.public_jwk, **metadata}}),
        key.proof("refresh/", header={"kid": "x", "cty": "JWT"}),
        key.proof("refresh/", iat=time.time()),
        key.proof("refresh/", iat=int(time.time()) - 45),
        key.proof("refresh/", iat=int(time.time()) + 55),
        key.proof("refresh/", exp=int(time.time()) + 60, nbf=int(time.time())),
        key.proof("refresh/", htu="HTTP://TESTSERVER:80/auth/refresh/?a=b#c"),
        key.proof("refresh/", ath="of another token", nonce="unasked", extra={"a": [1]}),
        key.proof("refresh/", jti="x" * 512),
    ):
        assert owner.refresh(proof=proof).status_code == 200


def test_key_cannot_be_swapped(owner):
    """A session keeps its first key, whatever its owner sends."""
    new = ClientKey(number=4)
    old, owner.key = owner.key, new
    assert owner.refresh().status_code == 401
    answer = owner.post("reauthenticate/", {"password": PASSWORD}, with_access=True)
    assert answer.status_code == 401
    owner.key = old
    assert owner.refresh().status_code == 200
