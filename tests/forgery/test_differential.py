"""The codec accepts nothing that ``jwt.decode`` refuses, and everything that it issued."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from refresh_sessions.tokens import access_tokens, codec, refresh_tokens
from refresh_sessions.tokens.keys import get_keyring
from tests.forgery import oracle
from tests.forgery.differential import REASONS, compare, run
from tests.forgery.fuzz import CLAIMS, NAMES, objects, texts
from tests.forgery.tokens import sign
from tests.forgery.variants import AUDIENCE, ISSUER, TYP, make_keyrings, write_plainly
from tests.keys import SYMMETRIC, entry
from tests.unit.forge import parts
from tests.unit.valid_tokens import access_token, both, refresh_token

FAR = 4_000_000_000
VALID = {"iss": ISSUER, "aud": AUDIENCE, "exp": FAR, "gen": 1}
KEYRING = make_keyrings()[0]
KEY = KEYRING.signing
HEADER = {"alg": KEY.algorithm, "kid": KEY.kid, "typ": TYP}


@pytest.mark.parametrize("seed", range(4))
def test_random_token_is_accepted_only_if_pyjwt_accepts(seed):
    counts = run(4000, seed)
    assert counts.total() == 4000
    assert counts["accepted"] > 1000
    assert counts["invalid"] > 1000
    # Otherwise the generator does not reach the checks behind the signature.
    assert counts.keys() >= REASONS | {"expired"}


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    header=st.just(b"") | objects(NAMES),
    claims=objects(CLAIMS),
    merge=st.booleans(),
    text=texts([sign(HEADER, VALID, KEY)]),
)
def test_generated_token_is_accepted_only_if_pyjwt_accepts(header, claims, merge, text):
    payload = write_plainly(VALID)[:-1] + b"," + claims[1:] if merge else claims
    compare(sign(header or HEADER, payload, KEY), KEYRING)
    compare(text, KEYRING)


class TestIssued:
    @pytest.mark.parametrize(
        "keyring", make_keyrings(), ids=lambda keyring: keyring.signing.algorithm
    )
    def test_token_issued_with_pyjwt_is_accepted(self, keyring):
        claims = {**VALID, "tenant": {"é": [1.5, None]}}
        old = oracle.encode(claims, typ=TYP, keyring=keyring)
        new = codec.encode(claims, typ=TYP, keyring=keyring)
        assert parts(old) == parts(new)
        assert old.split(".")[0] == new.split(".")[0]
        for token in (old, new):
            assert compare(token, keyring) == "accepted"

    @both
    @pytest.mark.parametrize("algorithm", SYMMETRIC)
    def test_token_with_other_order_of_members_is_accepted(
        self, make, verify, purpose, algorithm, options
    ):
        options(KEYS=[entry(algorithm)], REFRESH_KEYS=[entry(algorithm, 1)])
        header, claims = (dict(reversed(part.items())) for part in parts(make()))
        # With spaces, as json.dumps writes by default.
        verify(sign(header, claims, get_keyring(purpose).signing))

    def test_verified_claims_are_those_of_pyjwt(self, monkeypatch):
        tokens = [access_token(extra={"tenant": {"a": [1]}}), refresh_token()]
        kinds = list(zip((access_tokens, refresh_tokens), tokens, strict=True))
        new = [module.verify(token) for module, token in kinds]
        for module in (access_tokens, refresh_tokens):
            monkeypatch.setattr(module, "decode", oracle.decode)
        assert new == [module.verify(token) for module, token in kinds]
