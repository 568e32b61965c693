"""Asymmetric keys: signing, verification and the public JWKs."""

import json

import pytest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.tokens import access_tokens
from refresh_sessions.tokens.keys import Purpose, find_config_errors, get_keyring, public_keys
from refresh_sessions.tokens.keys.errors import (
    NoSigningKeyError,
    RepeatedKeyError,
    UnreadableKeyError,
    WrongKeyError,
)
from refresh_sessions.tokens.keys.new_keys import generate_key
from tests.keys import ASYMMETRIC, entry, fault, private, public_pem, text
from tests.unit.forge import parts
from tests.unit.valid_tokens import access_token

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def pem_of(key, form=PrivateFormat.PKCS8, encryption=None) -> str:
    return str(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()), "ascii")


def use(options, algorithm, value):
    options(KEYS=[{"algorithm": algorithm, "value": value}])


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
class TestEach:
    def test_asymmetric_key_signs_tokens_that_verify(self, options, algorithm):
        options(KEYS=[entry(algorithm)])
        header, _ = parts(access_token())
        assert header["alg"] == algorithm
        assert header["kid"] == public_keys()[0]["kid"]
        assert access_tokens.verify(access_token()).subject == "7"

    def test_token_verifies_with_public_key_alone(self, options, algorithm):
        options(KEYS=[entry(algorithm)])
        token = access_token()
        options(KEYS=[entry("HS256"), {"algorithm": algorithm, "value": public_pem(algorithm)}])
        access_tokens.verify(token)
        assert get_keyring(Purpose.ACCESS).verifying[parts(token)[0]["kid"]].secret is None

    def test_public_key_in_first_place_is_refused(self, options, algorithm):
        use(options, algorithm, public_pem(algorithm))
        assert isinstance(fault(), NoSigningKeyError)

    def test_token_of_another_key_is_refused(self, options, algorithm):
        options(KEYS=[entry(algorithm)])
        token = access_token()
        options(KEYS=[entry(algorithm, 1)])
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(token)

    def test_public_jwk_has_no_private_members(self, options, algorithm):
        options(KEYS=[entry(algorithm)])
        (shown,) = public_keys()
        assert shown["alg"] == algorithm
        assert shown["use"] == "sig"
        assert not {"d", "p", "q", "dp", "dq", "qi", "k", "oth", "key_ops"} & shown.keys()
        assert len(shown["kid"]) == 43

    def test_key_in_environment_on_one_line_is_read(self, options, algorithm, monkeypatch):
        monkeypatch.setenv("KEY_OF_THIS_TEST", text(algorithm).replace("\n", "\\n"))
        options(KEYS=[{"algorithm": algorithm, "env": "KEY_OF_THIS_TEST"}])
        access_tokens.verify(access_token())

    def test_private_key_repeated_as_public_key_is_refused(self, options, algorithm):
        options(KEYS=[entry(algorithm), {"algorithm": algorithm, "value": public_pem(algorithm)}])
        assert isinstance(fault(), RepeatedKeyError)

    def test_key_with_another_algorithm_is_refused(self, options, algorithm):
        siblings = {"PS256", "RS256"} if algorithm in {"PS256", "RS256"} else {algorithm}
        for other in set(ASYMMETRIC) - siblings:
            use(options, other, text(algorithm))
            assert isinstance(fault(), WrongKeyError)
            use(options, other, public_pem(algorithm))
            assert {type(found) for found in find_config_errors()} == {WrongKeyError}


class TestForms:
    def test_traditional_ec_key_after_parameters_is_read(self, options):
        key = ec.generate_private_key(ec.SECP256R1())
        traditional = pem_of(key, PrivateFormat.TraditionalOpenSSL)
        assert "BEGIN EC PRIVATE KEY" in traditional
        parameters = (
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        )
        use(options, "ES256", parameters + traditional)
        access_tokens.verify(access_token())

    def test_traditional_rsa_key_is_read(self, options):
        use(options, "PS256", pem_of(private("PS256"), PrivateFormat.TraditionalOpenSSL))
        access_tokens.verify(access_token())

    @pytest.mark.parametrize(
        ("value", "mention"),
        [
            ("", "no PEM block"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no PEM block"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "cannot be parsed"),
            ("-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----", "cannot be parsed"),
            ("-----BEGIN PRIVATE KEY-----\nMIG", "no PEM block"),
        ],
    )
    def test_damaged_key_is_refused(self, options, value, mention):
        use(options, "ES256", value)
        assert isinstance(fault(), UnreadableKeyError)
        assert mention in str(fault())

    def test_encrypted_key_is_refused(self, options):
        secret = pem_of(private("ES256"), encryption=BestAvailableEncryption(b"passphrase"))
        use(options, "ES256", secret)
        assert isinstance(fault(), UnreadableKeyError)
        assert "encrypted" in str(fault())


class TestSizes:
    @pytest.mark.parametrize(("bits", "fits"), [(2048, False), (3072, True), (3071, False)])
    @pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
    def test_rsa_key_below_minimum_size_is_refused(self, options, algorithm, bits, fits):
        use(options, algorithm, pem_of(rsa.generate_private_key(65537, bits)))
        if fits:
            assert get_keyring(Purpose.ACCESS).signing.bits == bits
        else:
            assert isinstance(fault(), WrongKeyError)
            assert "3072" in str(fault())

    @pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
    def test_ec_key_on_another_curve_is_refused(self, options, curve):
        use(options, "ES256", pem_of(ec.generate_private_key(curve)))
        assert isinstance(fault(), WrongKeyError)

    def test_ed448_key_is_refused(self, options):
        use(options, "EdDSA", pem_of(ed448.Ed448PrivateKey.generate()))
        assert isinstance(fault(), WrongKeyError)


class TestThumbprint:
    def test_thumbprint_matches_example_of_rfc_8037(self, options):
        """The example of RFC 8037, appendix A.3."""
        x = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        public = ed25519.Ed25519PublicKey.from_public_bytes(x)
        value = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        options(KEYS=["SECRET_KEY", {"algorithm": "EdDSA", "value": value}])
        (shown,) = public_keys()
        assert shown["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        assert shown["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

    def test_jwk_coordinates_keep_leading_zeros(self, options):
        """One key in 128 has a coordinate that is a byte shorter as a number."""
        seen = set()
        while len(seen) < 2:
            key = ec.generate_private_key(ec.SECP256R1())
            numbers = key.public_key().public_numbers()
            seen.add(min(numbers.x.bit_length(), numbers.y.bit_length()) <= 248)
            if numbers.x.bit_length() <= 248 or len(seen) == 1:
                use(options, "ES256", pem_of(key))
                (shown,) = public_keys()
                assert (len(shown["x"]), len(shown["y"])) == (43, 43)


def test_public_keys_have_order_of_setting(options):
    options(KEYS=[entry("ES256"), entry("HS256"), entry("EdDSA"), "SECRET_KEY"])
    assert [key["alg"] for key in public_keys()] == ["ES256", "EdDSA"]
    assert "value" not in json.dumps(public_keys())


def test_generated_key_is_unencrypted_unique():
    assert generate_key("ES256").startswith("-----BEGIN PRIVATE KEY-----")
    assert generate_key("ES256") != generate_key("ES256")
