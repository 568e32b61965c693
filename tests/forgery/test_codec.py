"""Each check of the codec alone, compared with ``jwt.decode``."""

from dataclasses import replace

import jwt
import pytest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.tokens import codec
from refresh_sessions.tokens.keys import Keyring, Purpose
from refresh_sessions.tokens.keys.new_keys import parse_key
from refresh_sessions.tokens.prepared_keys import prepare_keys
from tests.forgery import oracle
from tests.forgery.differential import NO_INTEGER, REASONS, compare
from tests.forgery.tokens import sign, spare_bits_set
from tests.forgery.variants import AUDIENCE, ISSUER, TYP, make_keyrings, write_plainly
from tests.keys import public_pem
from tests.unit.forge import b64

FAR = 4_000_000_000
VALID = {"iss": ISSUER, "aud": AUDIENCE, "exp": FAR, "gen": 1}
KEYRING = make_keyrings()[0]
KEY = KEYRING.signing
ALGORITHM = jwt.get_algorithm_by_name(KEY.algorithm)
HEADER = {"alg": KEY.algorithm, "kid": KEY.kid, "typ": TYP}


def refuses(header, claims) -> bool:
    """Whether the codec refuses a signed token that PyJWT accepts."""
    token = sign(header, claims, KEY)
    assert oracle.decode(
        token, typ=TYP, keyring=KEYRING, issuer=ISSUER, audience=AUDIENCE, required=()
    )
    return compare(token, KEYRING) in REASONS


class TestStricter:
    """What PyJWT accepts, and the codec does not."""

    @pytest.mark.parametrize("name", ["exp", "gen", "new"])
    def test_claims_with_repeated_name_are_refused(self, name):
        value = VALID.get(name, 1)
        twice = f'{{"new":0,"{name}":{{}},"{name}":{value},'.encode() + write_plainly(VALID)[1:]
        assert refuses(HEADER, twice)

    def test_nested_object_with_repeated_name_is_refused(self):
        assert refuses(HEADER, write_plainly(VALID)[:-1] + b',"more":[{"a":1,"\\u0061":1}]}')

    @pytest.mark.parametrize("name", ["alg", "kid", "typ", "new"])
    def test_header_with_repeated_name_is_refused(self, name):
        rest = write_plainly(HEADER)[1:]
        assert refuses(f'{{"new":1,"{name}":"none",'.encode() + rest, VALID)

    @pytest.mark.parametrize("more", [{"b64": True}, {"b64": True, "crit": ["b64"]}, {"b64": 1}])
    def test_header_with_extension_is_refused(self, more):
        assert refuses({**HEADER, **more}, VALID)

    @pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1E+999"])
    def test_number_that_is_not_finite_is_refused(self, number):
        assert refuses(HEADER, write_plainly(VALID)[:-1] + b',"more":[' + number + b"]}")
        assert refuses(write_plainly(HEADER)[:-1] + b',"more":' + number + b"}", VALID)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
    def test_json_in_other_encoding_is_refused(self, encoding):
        assert refuses(HEADER, write_plainly(VALID).decode().encode(encoding))
        assert refuses(write_plainly(HEADER).decode().encode(encoding), VALID)

    def test_surrogate_in_utf_8_is_refused(self):
        more = ',"more":"\ud800"}'.encode("utf-8", "surrogatepass")
        assert refuses(HEADER, write_plainly(VALID)[:-1] + more)

    @pytest.mark.parametrize("value", [str(FAR), float(FAR), FAR + 0.5, f" {FAR} "])
    def test_exp_that_is_not_an_integer_is_refused(self, value):
        assert refuses(HEADER, {**VALID, "exp": value})

    @pytest.mark.parametrize("value", [True, 0.0, "0", False, 1.5])
    def test_nbf_that_is_not_an_integer_is_refused(self, value):
        assert refuses(HEADER, {**VALID, "nbf": value})


class TestChecks:
    """Each check of the codec, with a token that has one fault and a genuine signature."""

    def outcome(self, header, claims, **options):
        return compare(sign(header, claims, KEY), KEYRING, **options)

    def test_token_without_fault_is_accepted(self):
        assert self.outcome(HEADER, VALID) == "accepted"
        assert self.outcome({**HEADER, "cty": "x"}, {**VALID, "nbf": 1}) == "accepted"

    @pytest.mark.parametrize(
        "header",
        [
            *({"typ": "rt+jwt"}, {"typ": "AT+JWT"}, {"typ": None}),
            *({"alg": "none"}, {"alg": "HS512"}, {"alg": None}, {"kid": "unknown"}, {"kid": 7}),
            *({"jku": ""}, {"jwk": {}}, {"x5u": ""}, {"x5c": []}),
            *({"crit": []}, {"crit": ["exp"]}, {"crit": ["b64"]}, {"b64": False}),
        ],
        ids=str,
    )
    def test_header_with_fault_is_refused(self, header):
        assert self.outcome({**HEADER, **header}, VALID) == "invalid"

    @pytest.mark.parametrize("name", HEADER)
    def test_header_without_member_is_refused(self, name):
        header = {other: value for other, value in HEADER.items() if other != name}
        assert self.outcome(header, VALID) == "invalid"

    @pytest.mark.parametrize(
        "claims",
        [
            *({"iss": "other"}, {"iss": [ISSUER]}, {"iss": f"{ISSUER} "}),
            *(
                {"aud": "other"},
                {"aud": [AUDIENCE]},
                {"aud": {AUDIENCE: 1}},
                {"aud": AUDIENCE + "x"},
            ),
            *({"exp": "soon"}, {"exp": []}, {"nbf": FAR}, {"nbf": "later"}, {"nbf": None}),
        ],
        ids=str,
    )
    def test_claim_with_fault_is_refused(self, claims):
        assert self.outcome(HEADER, {**VALID, **claims}) == "invalid"
        assert self.outcome(HEADER, {**VALID, **claims}, verify_exp=False) in {
            "invalid",
            NO_INTEGER,
        }

    @pytest.mark.parametrize("name", VALID)
    def test_claims_without_required_claim_are_refused(self, name):
        claims = {other: value for other, value in VALID.items() if other != name}
        assert self.outcome(HEADER, claims) == "invalid"

    @pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"7", b"null", b"{", b"[" * 1400])
    def test_part_that_is_no_object_is_refused(self, content):
        assert self.outcome(HEADER, content) == self.outcome(content, VALID) == "invalid"

    def test_exp_ends_after_leeway(self, time_machine):
        for late, expected in ((4, "accepted"), (5, "expired")):
            time_machine.move_to(FAR + late, tick=False)
            assert self.outcome(HEADER, VALID) == expected
            assert self.outcome(HEADER, VALID, verify_exp=False) == "accepted"

    def test_nbf_begins_before_leeway(self, time_machine):
        for early, expected in ((5, "accepted"), (6, "invalid")):
            time_machine.move_to(FAR - 900 - early, tick=False)
            assert self.outcome(HEADER, {**VALID, "nbf": FAR - 900}) == expected

    @pytest.mark.parametrize("signature", ["", "AA", b64(b"\0" * 32)])
    def test_token_with_other_signature_is_refused(self, signature):
        text = sign(HEADER, VALID, KEY).rpartition(".")[0]
        assert compare(f"{text}.{signature}", KEYRING) == "invalid"

    def test_token_longer_than_a_cookie_is_refused(self):
        token = sign(HEADER, {**VALID, "n": "x" * 3000}, KEY)
        assert len(token) > codec.MAX_LENGTH
        assert compare(token, KEYRING) == "invalid"

    @pytest.mark.parametrize("segment", [0, 1])
    @pytest.mark.parametrize("length", [1, 2, 3])
    def test_signed_segment_with_unused_bit_set_is_refused(self, segment, length):
        parts = [write_plainly({**part, "n": "x" * length}) for part in (HEADER, VALID)]
        assert self.outcome(*parts) == "accepted"
        segments = list(map(b64, parts))
        if len(parts[segment]) % 3:
            segments[segment] = spare_bits_set(segments[segment])
        else:
            segments[segment] += "="
        text = ".".join(segments)
        signature = ALGORITHM.sign(text.encode(), KEY.signer)
        assert compare(f"{text}.{b64(signature)}", KEYRING) == "invalid"

    def test_signature_with_unused_bit_set_is_refused(self):
        assert compare(spare_bits_set(sign(HEADER, VALID, KEY)), KEYRING) == "invalid"

    def test_empty_audience_accepts_no_token(self):
        token = sign(HEADER, {**VALID, "aud": ""}, KEY)
        options = {
            "typ": TYP,
            "keyring": KEYRING,
            "issuer": ISSUER,
            "audience": "",
            "required": (),
        }
        for decode in (codec.decode, oracle.decode):
            with pytest.raises(InvalidTokenError):
                decode(token, **options)

    @pytest.mark.parametrize("name", ["sub", "jti"])
    @pytest.mark.parametrize("value", [None, 7, [], True])
    def test_sub_or_jti_that_is_not_a_text_is_refused(self, name, value):
        assert self.outcome(HEADER, {**VALID, name: value}) == "invalid"

    def test_claim_that_is_null_counts_as_missing(self):
        assert self.outcome(HEADER, {**VALID, "gen": None}) == "invalid"
        assert self.outcome(HEADER, {**VALID, "gen": None}, required=()) == "accepted"


class TestPreparedKeys:
    def test_key_shorter_than_its_hash_is_refused(self):
        short = replace(KEY, secret=b"0123456789" * 3)
        with pytest.raises(jwt.InvalidKeyError, match="below the minimum"):
            prepare_keys(Keyring(signing=short, verifying={short.kid: short}), TYP)

    def test_public_key_does_not_sign(self):
        pytest.importorskip("cryptography")
        public = parse_key(public_pem("ES256"), "ES256", Purpose.ACCESS)
        keyring = Keyring(signing=public, verifying={public.kid: public})
        with pytest.raises(TypeError, match="cannot sign"):
            codec.encode(VALID, typ=TYP, keyring=keyring)

    def test_repr_shows_no_key(self):
        for keyring in make_keyrings()[:3]:
            shown = repr(prepare_keys(keyring, TYP))
            assert repr(keyring.signing.secret)[2:12] not in shown
