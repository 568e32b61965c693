"""Tokens: claims, expiry and keys. No database."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import override_settings

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.unit.forge import parts
from tests.unit.valid_tokens import LIFETIME, NOW, access_token, both, refresh_token


class TestClaims:
    def test_access_token_has_the_designed_claims(self):
        header, claims = parts(access_token())
        assert header["typ"] == "at+jwt"
        assert set(header) == {"alg", "kid", "typ"}
        names = "iss aud sub exp iat jti client_id sid fid gen auth_time amr env"
        assert set(claims) == set(names.split())

    def test_refresh_token_has_the_designed_claims(self):
        header, claims = parts(refresh_token())
        assert header["typ"] == "rt+jwt"
        assert set(claims) == {"iss", "aud", "sid", "fid", "gen", "secret", "exp"}

    def test_access_token_round_trips(self):
        session_id, family_id = uuid4(), uuid4()
        claims = access_tokens.verify(access_token(session_id=session_id, family_id=family_id))
        assert (claims.session_id, claims.family_id, claims.generation) == (
            session_id,
            family_id,
            3,
        )
        assert claims.authenticated_at == NOW
        assert claims.authentication_methods == ("pwd",)

    def test_refresh_token_round_trips(self):
        secret = refresh_tokens.new_secret()
        token = refresh_token(secret=secret)
        claims = refresh_tokens.verify(token)
        assert claims.matches(refresh_tokens.hash_secret(secret))
        assert not claims.matches(refresh_tokens.hash_secret(refresh_tokens.new_secret()))
        assert claims.token == token

    def test_claims_repr_shows_no_secret(self):
        secret = refresh_tokens.new_secret()
        token = refresh_token(secret=secret)
        assert secret not in repr(refresh_tokens.verify(token))
        assert token not in repr(refresh_tokens.verify(token))
        assert "secret" not in repr(get_keyring(Purpose.ACCESS))

    def test_auth_time_claim_is_optional(self):
        claims = access_tokens.verify(
            access_token(authenticated_at=None, authentication_methods=())
        )
        assert claims.authenticated_at is None

    def test_jti_has_128_random_bits(self):
        jtis = {parts(access_token())[1]["jti"] for _ in range(50)}
        assert len(jtis) == 50
        assert {len(jti) for jti in jtis} == {22}

    def test_exp_claim_is_rounded_down(self):
        instant = NOW + LIFETIME + timedelta(microseconds=999_999)
        assert access_tokens.verify(access_token(expires_at=instant)).expires_at <= instant
        assert refresh_tokens.verify(refresh_token(expires_at=instant)).expires_at <= instant


class TestKeys:
    def test_access_key_differs_from_refresh_key(self):
        one, other = get_keyring(Purpose.ACCESS).signing, get_keyring(Purpose.REFRESH).signing
        assert one.secret != other.secret
        assert one.kid != other.kid

    def test_derived_key_differs_from_secret_key(self, settings):
        key = get_keyring(Purpose.ACCESS).signing.secret
        assert len(key) == 32
        assert settings.SECRET_KEY.encode() not in key

    @both
    def test_fallback_key_verifies_without_signing(self, make, verify, purpose, settings):
        old, old_kid = make(), get_keyring(purpose).signing.kid
        with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
            verify(old)
            assert parts(make())[0]["kid"] != old_kid
        with override_settings(SECRET_KEY="n" * 50), pytest.raises(InvalidTokenError):
            verify(old)


class TestExpiry:
    def test_expired_access_token_has_reason_token_expired(self, time_machine):
        token = access_token()
        time_machine.move_to(NOW + LIFETIME + timedelta(seconds=4), tick=False)
        access_tokens.verify(token)
        time_machine.move_to(NOW + LIFETIME + timedelta(seconds=5), tick=False)
        with pytest.raises(ExpiredTokenError) as caught:
            access_tokens.verify(token)
        assert caught.value.reason == "token_expired"

    def test_leeway_follows_settings(self, time_machine, options):
        options(LEEWAY=timedelta(0))
        token = access_token()
        time_machine.move_to(NOW + LIFETIME, tick=False)
        with pytest.raises(ExpiredTokenError):
            access_tokens.verify(token)

    def test_expired_access_token_is_accepted_if_allowed(self, time_machine):
        token = access_token()
        time_machine.move_to(NOW + timedelta(days=1))
        assert access_tokens.verify(token, allow_expired=True).subject == "7"

    def test_token_issued_in_the_future_is_accepted(self):
        ahead = NOW + timedelta(minutes=10)
        access_tokens.verify(access_token(issued_at=ahead, authenticated_at=ahead))

    def test_expired_refresh_token_is_verified_without_expiry(self):
        token = refresh_token(expires_at=NOW - timedelta(days=1))
        assert refresh_tokens.verify(token).generation == 3
