"""Forged tokens that verification refuses. No database."""

import string
from typing import Any

import jwt
import pytest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.claims import MAX_GENERATION
from refresh_sessions.tokens.codec import MAX_LENGTH
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.unit.forge import b64, parts, remake, sign
from tests.unit.valid_tokens import access_token, both, refresh_token

LIST_AS_KID = b'{"alg":"HS256","kid":[]}'
OBJECT_AS_KID = b'{"alg":"HS256","kid":{}}'
UPPER_CASE = "ABCDEF00-0000-4000-8000-000000000000"
TEXT_AS_HEADER = b'"text"'


def flips(token: str):
    """Yield the token with each of its characters replaced by the next one of the alphabet."""
    alphabet = string.ascii_letters + string.digits + "-_"
    for index, character in enumerate(token):
        if character != ".":
            other = alphabet[(alphabet.index(character) + 1) % 64]
            yield token[:index] + other + token[index + 1 :]


def each(**claims: list[Any]) -> list[tuple[str, Any]]:
    """Yield each value with the name of its claim."""
    return [(name, value) for name, values in claims.items() for value in values]


class TestForgery:
    @both
    def test_token_with_changed_character_is_refused(self, make, verify, purpose):
        for forged in flips(make()):
            with pytest.raises(InvalidTokenError):
                verify(forged)

    @pytest.mark.parametrize(
        "garbage",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "a.b.c.d",
            "a.b.c.d.e",
            "null",
            "\x00",
            "ä.ö.ü",
            "\ud800.a.b",
            " ",
            "e30.e30.",
            "e30.e30.e30",
            "x" * 1_048_576,
            f"{'a' * 2000}.{'b' * 2000}.{'c' * 2000}",
            f"{b64(b'[' * 2900)}.e30.e30",
            f"{b64(LIST_AS_KID)}.e30.e30",
            f"{b64(OBJECT_AS_KID)}.e30.e30",
            f"{b64(TEXT_AS_HEADER)}.e30.e30",
            f"{b64(bytes([255, 254]))}.e30.e30",
        ],
    )
    @both
    def test_malformed_token_is_refused(self, make, verify, purpose, garbage):
        with pytest.raises(InvalidTokenError):
            verify(garbage)

    @pytest.mark.parametrize("suffix", ["=", "==", "\n", " ", ".", "A", "%3D"])
    @both
    def test_token_with_suffix_is_refused(self, make, verify, purpose, suffix):
        with pytest.raises(InvalidTokenError):
            verify(make() + suffix)

    @both
    def test_token_longer_than_a_cookie_is_refused(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"more": "x" * MAX_LENGTH}))

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
    @pytest.mark.parametrize("signature", ["", "e30", "AA"])
    @both
    def test_token_with_alg_none_is_refused(self, make, verify, purpose, algorithm, signature):
        header, claims = parts(make())
        text = sign({**header, "alg": algorithm}, claims, secret=b"x").rpartition(".")[0]
        with pytest.raises(InvalidTokenError):
            verify(f"{text}.{signature}")

    @pytest.mark.parametrize(("algorithm", "hashing"), [("HS384", "sha384"), ("HS512", "sha512")])
    @both
    def test_token_signed_with_another_algorithm_is_refused(
        self, make, verify, purpose, algorithm, hashing
    ):
        header, claims = parts(make())
        secret = get_keyring(purpose).signing.secret
        with pytest.raises(InvalidTokenError):
            verify(sign({**header, "alg": algorithm}, claims, secret=secret, algorithm=hashing))

    @both
    def test_token_with_wrong_alg_header_is_refused(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"alg": "ES256"}))

    @both
    def test_token_signed_with_another_key_is_refused(self, make, verify, purpose, settings):
        header, claims = parts(make())
        for secret in (b"x" * 32, b"", settings.SECRET_KEY.encode()):
            with pytest.raises(InvalidTokenError):
                verify(sign(header, claims, secret=secret))

    @pytest.mark.parametrize("kid", ["", "unknown", "../../dev/null", "' OR 1=1", 7, None, [], {}])
    @both
    def test_token_with_wrong_kid_is_refused(self, make, verify, purpose, kid):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"kid": kid}))

    @pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
    @both
    def test_token_with_key_header_is_refused(self, make, verify, purpose, name):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={name: "https://attacker.example/keys"}))

    @both
    def test_token_with_unknown_crit_header_is_refused(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"crit": ["b64"], "b64": False}))

    @pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "", None, 1, "id+jwt"])
    @both
    def test_token_with_wrong_typ_is_refused(self, make, verify, purpose, typ):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"typ": typ}))

    def test_token_of_the_other_purpose_is_refused(self):
        with pytest.raises(InvalidTokenError):
            refresh_tokens.verify(access_token())
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(refresh_token())

    def test_refresh_token_signed_with_access_key_is_refused(self):
        """The token has all claims of a refresh token, and the key of access tokens."""
        header, claims = parts(refresh_token())
        kid = get_keyring(Purpose.ACCESS).signing.kid
        secret = get_keyring(Purpose.ACCESS).signing.secret
        with pytest.raises(InvalidTokenError):
            refresh_tokens.verify(sign({**header, "kid": kid}, claims, secret=secret))

    @pytest.mark.parametrize("audience", ["", "other", [], ["refresh_sessions.access"], None, 1])
    @both
    def test_token_with_wrong_audience_is_refused(self, make, verify, purpose, audience):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"aud": audience}))

    @pytest.mark.parametrize("issuer", ["", "other", None, 1, ["refresh_sessions"]])
    @both
    def test_token_with_wrong_issuer_is_refused(self, make, verify, purpose, issuer):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"iss": issuer}))

    @both
    def test_token_without_required_claim_is_refused(self, make, verify, purpose):
        token = make()
        for name in set(parts(token)[1]) - {"auth_time"}:
            with pytest.raises(InvalidTokenError):
                verify(remake(token, purpose, drop=[name]))

    @pytest.mark.parametrize(
        ("name", "value"),
        each(
            gen=[0, -1, True, "3", 3.0, 1e400, None, [], MAX_GENERATION + 1, 2**63],
            sid=["", "x", 7, None, [], {}, "{00000000-0000-4000-8000-000000000000}"],
            fid=["", "x", 7, None, [], {}, "00000000000040008000000000000000", UPPER_CASE],
            exp=["soon", None, [], 1e400, 10**20],
            nbf=[2**40],
        ),
    )
    @both
    def test_token_with_claim_of_wrong_type_is_refused(self, make, verify, purpose, name, value):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={name: value}))

    @pytest.mark.parametrize(
        ("name", "value"),
        each(
            sub=["", 7, None, []],
            amr=[None, 7, [7], [""]],
            auth_time=["now", None, True, 1.5],
            jti=[7],
            iat=["now"],
        ),
    )
    def test_access_token_with_claim_of_wrong_type_is_refused(self, name, value):
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(remake(access_token(), Purpose.ACCESS, claims={name: value}))

    @pytest.mark.parametrize(
        "secret", ["", "short", 7, None, [], "x" * 23, "ä" * 22, "x" * 21 + "\n"]
    )
    def test_refresh_token_with_malformed_secret_is_refused(self, secret):
        with pytest.raises(InvalidTokenError):
            refresh_tokens.verify(
                remake(refresh_token(), Purpose.REFRESH, claims={"secret": secret})
            )

    def test_nested_token_is_refused(self):
        nested = jwt.encode({"token": access_token()}, "k" * 32, headers={"cty": "JWT"})
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(nested)
