"""What is accepted as a token of ours, and above all what is not. No database."""

import string
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.test import override_settings

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.tokens import access, refresh
from refresh_sessions.tokens.claims import MAX_GENERATION
from refresh_sessions.tokens.codec import MAX_LENGTH
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.unit.forge import b64, parts, remake, sign

NOW = datetime.now(UTC).replace(microsecond=0)


def access_token(**changes) -> str:
    claims = {
        "subject": "7",
        "session_id": uuid4(),
        "family_id": uuid4(),
        "generation": 3,
        "authenticated_at": NOW,
        "authentication_methods": ("pwd",),
        "issued_at": NOW,
        "expires_at": NOW + timedelta(minutes=15),
    }
    return access.issue(access.AccessClaims(**{**claims, **changes}))


def refresh_token(**changes) -> str:
    claims = {
        "session_id": uuid4(),
        "family_id": uuid4(),
        "generation": 3,
        "expires_at": NOW + timedelta(days=7),
        "secret": refresh.new_secret(),
    }
    return refresh.issue(**{**claims, **changes})


KINDS = [
    pytest.param(access_token, access.verify, Purpose.ACCESS, id="access"),
    pytest.param(refresh_token, refresh.verify, Purpose.REFRESH, id="refresh"),
]
both = pytest.mark.parametrize(("make", "verify", "purpose"), KINDS)


class TestClaims:
    def test_access_token_has_the_claims_of_the_design(self):
        header, claims = parts(access_token())
        assert header["typ"] == "at+jwt"
        assert set(header) == {"alg", "kid", "typ"}
        names = "iss aud sub exp iat jti client_id sid fid gen auth_time amr"
        assert set(claims) == set(names.split())

    def test_refresh_token_has_the_claims_of_the_design(self):
        header, claims = parts(refresh_token())
        assert header["typ"] == "rt+jwt"
        assert set(claims) == {"iss", "aud", "sid", "fid", "gen", "secret", "exp"}

    def test_access_round_trip(self):
        session_id, family_id = uuid4(), uuid4()
        claims = access.verify(access_token(session_id=session_id, family_id=family_id))
        assert (claims.session_id, claims.family_id, claims.generation) == (
            session_id,
            family_id,
            3,
        )
        assert claims.authenticated_at == NOW
        assert claims.authentication_methods == ("pwd",)

    def test_refresh_round_trip(self):
        secret = refresh.new_secret()
        token = refresh_token(secret=secret)
        claims = refresh.verify(token)
        assert claims.matches(refresh.digest(secret))
        assert not claims.matches(refresh.digest(refresh.new_secret()))
        assert claims.token == token

    def test_nothing_secret_shows_in_a_repr(self):
        secret = refresh.new_secret()
        token = refresh_token(secret=secret)
        assert secret not in repr(refresh.verify(token))
        assert token not in repr(refresh.verify(token))
        assert "secret" not in repr(get_keyring(Purpose.ACCESS))

    def test_proof_of_identity_may_be_absent(self):
        claims = access.verify(access_token(authenticated_at=None, authentication_methods=()))
        assert claims.authenticated_at is None

    def test_jti_has_128_random_bits(self):
        jtis = {parts(access_token())[1]["jti"] for _ in range(50)}
        assert len(jtis) == 50
        assert {len(jti) for jti in jtis} == {22}

    def test_exp_is_never_later_than_the_instant_it_was_made_from(self):
        instant = NOW + timedelta(minutes=5, microseconds=999_999)
        assert access.verify(access_token(expires_at=instant)).expires_at <= instant
        assert refresh.verify(refresh_token(expires_at=instant)).expires_at <= instant


class TestKeys:
    def test_access_and_refresh_share_neither_key_nor_kid(self):
        one, other = get_keyring(Purpose.ACCESS).signing, get_keyring(Purpose.REFRESH).signing
        assert one.secret != other.secret
        assert one.kid != other.kid

    def test_the_key_is_not_the_secret_key(self, settings):
        key = get_keyring(Purpose.ACCESS).signing.secret
        assert len(key) == 32
        assert settings.SECRET_KEY.encode() not in key

    @both
    def test_fallback_keys_verify_and_do_not_sign(self, make, verify, purpose, settings):
        old, old_kid = make(), get_keyring(purpose).signing.kid
        with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
            verify(old)
            assert parts(make())[0]["kid"] != old_kid
        with override_settings(SECRET_KEY="n" * 50), pytest.raises(InvalidTokenError):
            verify(old)


class TestExpiry:
    def test_expired_access_token_says_so(self, time_machine):
        token = access_token()
        time_machine.move_to(NOW + timedelta(minutes=15, seconds=4), tick=False)
        access.verify(token)
        time_machine.move_to(NOW + timedelta(minutes=15, seconds=5), tick=False)
        with pytest.raises(ExpiredTokenError) as caught:
            access.verify(token)
        assert caught.value.reason == "token_expired"

    def test_leeway_is_a_setting(self, time_machine, options):
        options(LEEWAY=timedelta(0))
        token = access_token()
        time_machine.move_to(NOW + timedelta(minutes=15), tick=False)
        with pytest.raises(ExpiredTokenError):
            access.verify(token)

    def test_expired_access_token_can_be_allowed(self, time_machine):
        token = access_token()
        time_machine.move_to(NOW + timedelta(days=1))
        assert access.verify(token, allow_expired=True).subject == "7"

    def test_a_token_from_a_server_whose_clock_is_ahead(self):
        ahead = NOW + timedelta(minutes=10)
        access.verify(access_token(issued_at=ahead, authenticated_at=ahead))

    def test_expired_refresh_token_still_tells_its_session(self):
        token = refresh_token(expires_at=NOW - timedelta(days=1))
        assert refresh.verify(token).generation == 3


def flips(token: str):
    """The token with each of its characters replaced by the next one of the alphabet."""
    alphabet = string.ascii_letters + string.digits + "-_"
    for index, character in enumerate(token):
        if character != ".":
            other = alphabet[(alphabet.index(character) + 1) % 64]
            yield token[:index] + other + token[index + 1 :]


def each(**claims: list[Any]) -> list[tuple[str, Any]]:
    """Each value with the name of its claim."""
    return [(name, value) for name, values in claims.items() for value in values]


LIST_AS_KID = b'{"alg":"HS256","kid":[]}'
OBJECT_AS_KID = b'{"alg":"HS256","kid":{}}'
TEXT_AS_HEADER = b'"text"'


class TestForgery:
    @both
    def test_any_changed_character(self, make, verify, purpose):
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
    def test_garbage(self, make, verify, purpose, garbage):
        with pytest.raises(InvalidTokenError):
            verify(garbage)

    @pytest.mark.parametrize("suffix", ["=", "==", "\n", " ", ".", "A", "%3D"])
    @both
    def test_anything_appended(self, make, verify, purpose, suffix):
        with pytest.raises(InvalidTokenError):
            verify(make() + suffix)

    @both
    def test_anything_longer_than_a_cookie(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"more": "x" * MAX_LENGTH}))

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
    @pytest.mark.parametrize("signature", ["", "e30", "AA"])
    @both
    def test_no_algorithm(self, make, verify, purpose, algorithm, signature):
        header, claims = parts(make())
        text = sign({**header, "alg": algorithm}, claims, secret=b"x").rpartition(".")[0]
        with pytest.raises(InvalidTokenError):
            verify(f"{text}.{signature}")

    @pytest.mark.parametrize(("algorithm", "hashing"), [("HS384", "sha384"), ("HS512", "sha512")])
    @both
    def test_another_algorithm_with_the_right_key(self, make, verify, purpose, algorithm, hashing):
        header, claims = parts(make())
        secret = get_keyring(purpose).signing.secret
        with pytest.raises(InvalidTokenError):
            verify(sign({**header, "alg": algorithm}, claims, secret=secret, algorithm=hashing))

    @both
    def test_algorithm_in_the_header_that_is_not_the_one_used(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"alg": "ES256"}))

    @both
    def test_another_key(self, make, verify, purpose, settings):
        header, claims = parts(make())
        for secret in (b"x" * 32, b"", settings.SECRET_KEY.encode()):
            with pytest.raises(InvalidTokenError):
                verify(sign(header, claims, secret=secret))

    @pytest.mark.parametrize("kid", ["", "unknown", "../../dev/null", "' OR 1=1", 7, None, [], {}])
    @both
    def test_another_kid(self, make, verify, purpose, kid):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"kid": kid}))

    @pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
    @both
    def test_a_key_brought_along(self, make, verify, purpose, name):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={name: "https://attacker.example/keys"}))

    @both
    def test_critical_header_that_nobody_knows(self, make, verify, purpose):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"crit": ["b64"], "b64": False}))

    @pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "", None, 1, "id+jwt"])
    @both
    def test_another_type(self, make, verify, purpose, typ):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, header={"typ": typ}))

    def test_access_token_as_refresh_token_and_the_other_way_round(self):
        with pytest.raises(InvalidTokenError):
            refresh.verify(access_token())
        with pytest.raises(InvalidTokenError):
            access.verify(refresh_token())

    def test_one_made_to_look_like_the_other(self):
        """Type, audience and claims of a refresh token, but the key of access tokens."""
        header, claims = parts(refresh_token())
        kid = get_keyring(Purpose.ACCESS).signing.kid
        secret = get_keyring(Purpose.ACCESS).signing.secret
        with pytest.raises(InvalidTokenError):
            refresh.verify(sign({**header, "kid": kid}, claims, secret=secret))

    @pytest.mark.parametrize("audience", ["", "other", [], ["refresh_sessions.access"], None, 1])
    @both
    def test_another_audience(self, make, verify, purpose, audience):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"aud": audience}))

    @pytest.mark.parametrize("issuer", ["", "other", None, 1, ["refresh_sessions"]])
    @both
    def test_another_issuer(self, make, verify, purpose, issuer):
        with pytest.raises(InvalidTokenError):
            verify(remake(make(), purpose, claims={"iss": issuer}))

    @both
    def test_every_claim_is_required(self, make, verify, purpose):
        token = make()
        for name in set(parts(token)[1]) - {"auth_time"}:
            with pytest.raises(InvalidTokenError):
                verify(remake(token, purpose, drop=[name]))

    @pytest.mark.parametrize(
        ("name", "value"),
        each(
            gen=[0, -1, True, "3", 3.0, 1e400, None, [], MAX_GENERATION + 1, 2**63],
            sid=["", "x", 7, None, [], {}, "{00000000-0000-4000-8000-000000000000}"],
            fid=["", "x", 7, None, [], {}, "00000000000040008000000000000000"],
            exp=["soon", None, [], 1e400, 10**20],
            nbf=[2**40],
        ),
    )
    @both
    def test_claims_of_the_wrong_kind(self, make, verify, purpose, name, value):
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
    def test_claims_of_the_wrong_kind_in_access_tokens(self, name, value):
        with pytest.raises(InvalidTokenError):
            access.verify(remake(access_token(), Purpose.ACCESS, claims={name: value}))

    @pytest.mark.parametrize(
        "secret", ["", "short", 7, None, [], "x" * 23, "ä" * 22, "x" * 21 + "\n"]
    )
    def test_secrets_of_the_wrong_form(self, secret):
        with pytest.raises(InvalidTokenError):
            refresh.verify(remake(refresh_token(), Purpose.REFRESH, claims={"secret": secret}))

    def test_nested_token(self):
        nested = jwt.encode({"token": access_token()}, "k" * 32, headers={"cty": "JWT"})
        with pytest.raises(InvalidTokenError):
            access.verify(nested)
