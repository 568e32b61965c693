"""Refresh tokens: issue and verify tokens with family, generation and the family's secret.

A forged token needs both a signing key and the secret of a family. So neither a leaked key nor a
database dump suffices.

A family has two secrets. The first is random, created with the family and contained only in its
tokens; the database stores its digest. The second is the derived secret, an HMAC of that digest
with ``SECRET_KEY``. It is for tokens that are issued without a presented refresh token, as after a
re-authentication.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings as django_settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.tenants import get_issuer, get_refresh_audience
from refresh_sessions.tokens.claims import from_instant, to_generation, to_instant, to_uuid
from refresh_sessions.tokens.codec import MALFORMED, decode, encode
from refresh_sessions.tokens.keys import Purpose, get_keyring

TYP: Final = "rt+jwt"

_REQUIRED: Final = ("iss", "aud", "exp", "sid", "fid", "gen", "secret")
_SECRET_BYTES: Final = 16
_DERIVATION_SALT: Final = "refresh_sessions.tokens.refresh.derived"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims:
    """The claims of a verified refresh token."""

    session_id: UUID
    family_id: UUID
    generation: int
    expires_at: datetime
    secret: str = field(repr=False)
    token: str = field(repr=False)
    """The encoded token."""

    @property
    def place(self) -> tuple[UUID, int]:
        """Family and generation."""
        return self.family_id, self.generation

    def matches(self, secret_digest: str) -> bool:
        """Whether the token carries a secret of the family with this digest."""
        return self._is_first(secret_digest) or any(
            constant_time_compare(derived, self.secret)
            for derived in _derived_secrets(secret_digest)
        )

    def secret_of_successor(self, secret_digest: str) -> str:
        """The secret of the next token of the family.

        A derived secret is derived again, with the newest ``SECRET_KEY``: fallback keys may be
        removed soon.
        """
        first = self._is_first(secret_digest)
        return self.secret if first else derive_secret(secret_digest)

    def _is_first(self, secret_digest: str) -> bool:
        return constant_time_compare(hash_secret(self.secret), secret_digest)


@sensitive_variables()
def issue(
    *, session_id: UUID, family_id: UUID, generation: int, expires_at: datetime, secret: str
) -> str:
    """Encode and sign a refresh token."""
    claims = RefreshClaims(
        session_id=session_id,
        family_id=family_id,
        generation=generation,
        expires_at=expires_at,
        secret=secret,
        token="",
    )
    payload = {**get_payload(claims), "secret": secret}
    return encode(payload, typ=TYP, keyring=get_keyring(Purpose.REFRESH))


def get_payload(claims: RefreshClaims) -> dict[str, Any]:
    """The claims under their names in the token, without the secret."""
    issuer = get_issuer()
    return {
        "iss": issuer,
        "aud": get_refresh_audience(issuer),
        "exp": from_instant(claims.expires_at),
        "sid": str(claims.session_id),
        "fid": str(claims.family_id),
        "gen": claims.generation,
    }


@sensitive_variables()
def verify(token: str) -> RefreshClaims:
    """Verify a refresh token and read its claims.

    The claim ``exp`` is read and not enforced. The response to an expired token names the limit
    that was reached, which needs the row.

    Raises:
        InvalidTokenError: the token is malformed or forged.

    """
    token, issuer = hide(token), get_issuer()
    payload = decode(
        token,
        typ=TYP,
        keyring=get_keyring(Purpose.REFRESH),
        issuer=issuer,
        audience=get_refresh_audience(issuer),
        required=_REQUIRED,
        verify_exp=False,
    )
    try:
        return RefreshClaims(
            session_id=to_uuid(payload["sid"]),
            family_id=to_uuid(payload["fid"]),
            generation=to_generation(payload["gen"]),
            expires_at=to_instant(payload["exp"]),
            secret=_to_secret(payload["secret"]),
            token=token,
        )
    except MALFORMED:
        raise InvalidTokenError from None


def new_secret() -> str:
    """Generate 128 random bits for a new family (ASVS 7.2.3)."""
    return hide(secrets.token_urlsafe(_SECRET_BYTES))


def hash_secret(secret: str) -> str:
    """The digest of a secret for the database; random secrets need neither salt nor stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def derive_secret(secret_digest: str) -> str:
    """The derived secret of the family with this digest."""
    return next(_derived_secrets(secret_digest))


def _derived_secrets(secret_digest: str) -> Iterator[str]:
    for key in map(hide, (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)):
        mac = salted_hmac(_DERIVATION_SALT, secret_digest, secret=key, algorithm="sha256")
        yield hide(urlsafe_b64encode(mac.digest()[:_SECRET_BYTES]).rstrip(b"=").decode())


def _to_secret(value: Any) -> str:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise ValueError("not a secret")
    return value
