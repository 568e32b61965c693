"""Access tokens that are bound to the key of the client (RFC 9449 §7)."""

import asyncio

import pytest
from rest_framework.test import APIClient

from refresh_sessions.exceptions import InvalidDPoPProofError, InvalidTokenError
from refresh_sessions.sessions import (
    acheck_access_token,
    check_access_token,
    introspect_access_token,
)
from tests.binding.keys import GENUINE, BoundClient, ClientKey
from tests.binding.test_bound_sessions import problem
from tests.factories import PASSWORD, make_pair

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=["session", "cache", "stateless"])
def check(request, options):
    options(DPOP_ACCESS_TOKENS=True, ACCESS_TOKEN_CHECK=request.param)


def call(client, **options):
    return client.request("get", "/who-am-i/", with_access=True, **options)


class TestBoundAccessToken:
    def test_answers_name_the_scheme(self, owner):
        for answer in (
            owner.refresh(),
            owner.store(owner.post("reauthenticate/", {"password": PASSWORD}, with_access=True)),
        ):
            assert answer.json()["token_type"] == "DPoP"

    def test_unbound_client_keeps_bearer(self, client, credentials):
        body = client.log_in(credentials, proof=None).json()
        assert "token_type" not in body
        assert call(client, proof=None).status_code == 200

    def test_token_is_accepted_with_proof_of_key(self, owner):
        assert call(owner).status_code == 200
        assert owner.request("get", "sessions/", with_access=True).status_code == 200

    def test_token_as_bearer_is_refused(self, owner):
        owner.scheme = "Bearer"
        for proof in (GENUINE, None):
            answer = call(owner, proof=proof)
            assert problem(answer) == (401, "token_not_valid", None)

    def test_bearer_token_with_scheme_dpop_is_refused(self, client, credentials):
        client.log_in(credentials, proof=None)
        client.scheme = "DPoP"
        assert problem(call(client)) == (401, "token_not_valid", None)

    def test_token_without_proof_is_refused(self, owner):
        answer = call(owner, proof=None)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_missing")

    def test_token_with_other_key_is_refused(self, owner, attacker):
        attacker.scheme = "DPoP"
        assert problem(call(attacker)) == (401, "invalid_dpop_proof", "proof_key")

    @pytest.mark.parametrize("ath", [None, "x", "", 7], ids=repr)
    def test_proof_without_digest_of_token_is_refused(self, owner, ath):
        proof = owner.key.proof("/who-am-i/", method="GET", ath=ath)
        answer = call(owner, proof=proof)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_access_token")

    def test_proof_for_other_token_is_refused(self, owner):
        proof = owner.key.proof("/who-am-i/", method="GET", access=make_pair().access)
        answer = call(owner, proof=proof)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_access_token")

    def test_proof_is_used_for_one_call(self, owner):
        proof = owner.key.proof("/who-am-i/", method="GET", access=owner.access)
        assert call(owner, proof=proof).status_code == 200
        assert problem(call(owner, proof=proof))[2] == "proof_replayed"

    def test_logout_by_bound_access_token_needs_key(self, owner, attacker):
        attacker.scheme = "DPoP"
        answer = attacker.post("logout/", {}, with_access=True)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_key")
        answer = attacker.post("revoke/", {"token": attacker.access}, proof=None)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_missing")
        assert owner.post("logout/", {}, with_access=True).status_code == 204

    def test_bound_token_stays_bound_after_setting_is_off(self, owner, options):
        options(DPOP_ACCESS_TOKENS=False)
        assert call(owner).status_code == 200
        owner.scheme = "Bearer"
        assert call(owner, proof=None).status_code == 401

    def test_introspection_answers_scheme_and_confirmation(self, owner):
        claims = introspect_access_token(owner.access)
        assert claims["token_type"] == "DPoP"
        assert set(claims["cnf"]) == {"jkt"}

    def test_check_in_process_needs_request_with_proof(self, owner, rf):
        with pytest.raises(InvalidTokenError):
            check_access_token(owner.access)
        with pytest.raises(InvalidDPoPProofError):
            check_access_token(owner.access, with_key=True)
        request = rf.get(
            "/x/",
            headers={
                "dpop": owner.key.proof("/x/", method="GET", access=owner.access),
            },
        )
        assert check_access_token(owner.access, with_key=True, request=request).user
        # Further checks of one request use the same proof.
        assert check_access_token(owner.access, with_key=True, request=request).user

    def test_check_in_coroutine_is_the_same(self, owner, rf):
        async def check(**options):
            return await acheck_access_token(owner.access, load_user=False, **options)

        with pytest.raises(InvalidTokenError):
            asyncio.run(check())
        with pytest.raises(InvalidDPoPProofError):
            asyncio.run(check(with_key=True))


class TestNonces:
    @pytest.fixture(autouse=True)
    def _nonces(self, options, check):
        options(DPOP_NONCE=True)

    def test_client_learns_nonce_from_error_and_repeats(self, client, credentials):
        first = client.log_in(credentials)
        assert problem(first) == (401, "use_dpop_nonce", None)
        assert first["WWW-Authenticate"].startswith('DPoP error="use_dpop_nonce", algs=')
        assert client.log_in(credentials).status_code == 200
        answer = call(client)
        assert answer.status_code == 200
        assert "DPoP-Nonce" not in answer
        assert client.refresh().status_code == 200

    def test_nonce_is_renewed_before_it_is_too_old(self, client, credentials, clock):
        from datetime import timedelta  # noqa: PLC0415

        client.log_in(credentials)
        client.log_in(credentials)
        old = client.nonce
        clock.move(timedelta(minutes=2, seconds=31))
        answer = call(client)
        assert answer.status_code == 200
        assert answer["DPoP-Nonce"] != old
        clock.move(timedelta(minutes=2, seconds=31))
        answer = client.store(call(client))
        assert problem(answer) == (401, "use_dpop_nonce", None)
        assert call(client).status_code == 200

    @pytest.mark.parametrize("nonce", ["", "x" * 32, 7, ["x"], "ö" * 32, "0" * 4000], ids=str)
    def test_invented_nonce_is_refused(self, client, credentials, nonce):
        proof = client.key.proof("login/", nonce=nonce)
        answer = client.log_in(credentials, proof=proof)
        assert problem(answer)[1] in {"use_dpop_nonce", "invalid_dpop_proof"}

    def test_error_for_missing_proof_brings_nonce(self, client, credentials):
        client.log_in(credentials)
        client.log_in(credentials)
        bare = BoundClient(APIClient(), key=ClientKey(), refresh_token=client.refresh_token)
        answer = bare.refresh(proof=None)
        assert problem(answer) == (401, "invalid_dpop_proof", "proof_missing")
        assert bare.refresh().status_code == 200
