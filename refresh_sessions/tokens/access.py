"""Access tokens: the claims of RFC 9068 and the place of the token in its session."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.tokens.claims import (
    from_instant,
    to_generation,
    to_instant,
    to_text,
    to_uuid,
)
from refresh_sessions.tokens.codec import MALFORMED, decode, encode
from refresh_sessions.tokens.keys import Purpose, get_keyring

TYP: Final = "at+jwt"

_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat", "jti", "sid", "fid", "gen", "amr")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What an access token says, once its signature has been verified."""

    subject: str
    session_id: UUID
    family_id: UUID
    generation: int
    authenticated_at: datetime | None
    """When the user last proved who they are; None where this token may not vouch for it."""
    authentication_methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


@sensitive_variables()
def issue(claims: AccessClaims) -> str:
    """Encode and sign an access token."""
    settings = get_settings()
    payload = {
        "iss": settings.ISSUER,
        "aud": settings.AUDIENCE,
        "sub": claims.subject,
        "exp": from_instant(claims.expires_at),
        "iat": from_instant(claims.issued_at),
        # 128 bits from a CSPRNG; a UUID has only 122 (ASVS 7.2.3, 11.5.1).
        "jti": secrets.token_urlsafe(16),
        "sid": str(claims.session_id),
        "fid": str(claims.family_id),
        "gen": claims.generation,
        "amr": list(claims.authentication_methods),
    }
    if claims.authenticated_at is not None:
        payload["auth_time"] = from_instant(claims.authenticated_at)
    return encode(payload, typ=TYP, keyring=get_keyring(Purpose.ACCESS))


@sensitive_variables()
def verify(token: str, *, allow_expired: bool = False) -> AccessClaims:
    """Verify an access token and read its claims.

    Args:
        token: the compact serialization.
        allow_expired: accept a token whose ``exp`` has passed; good for signing out, and for
            nothing else.

    Raises:
        ExpiredTokenError: ``exp`` has passed by more than ``LEEWAY``.
        InvalidTokenError: anything else is wrong with it.

    """
    settings = get_settings()
    payload = decode(
        token,
        typ=TYP,
        keyring=get_keyring(Purpose.ACCESS),
        issuer=settings.ISSUER,
        audience=settings.AUDIENCE,
        required=_REQUIRED,
        leeway=settings.LEEWAY,
        verify_exp=not allow_expired,
    )
    try:
        return AccessClaims(
            subject=to_text(payload["sub"]),
            session_id=to_uuid(payload["sid"]),
            family_id=to_uuid(payload["fid"]),
            generation=to_generation(payload["gen"]),
            authenticated_at=to_instant(payload["auth_time"]) if "auth_time" in payload else None,
            authentication_methods=tuple(to_text(method) for method in payload["amr"]),
            issued_at=to_instant(payload["iat"]),
            expires_at=to_instant(payload["exp"]),
        )
    except MALFORMED:
        raise InvalidTokenError from None
