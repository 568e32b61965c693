"""Access tokens: issue and verify tokens with the claims of RFC 9068 and of this package."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import ExtraClaimsError, InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.tenants import get_environment, get_issuer
from refresh_sessions.tokens.claims import (
    from_instant,
    to_generation,
    to_instant,
    to_text,
    to_uuid,
)
from refresh_sessions.tokens.codec import MALFORMED, MAX_LENGTH, decode, encode
from refresh_sessions.tokens.keys import Purpose, get_keyring
from refresh_sessions.tokens.segments import dump_object, load_object

TYP: Final = "at+jwt"

_REQUIRED: Final = (
    *("iss", "aud", "sub", "exp", "iat", "jti", "client_id"),
    *("sid", "fid", "gen", "amr", "env"),
)
_OWN: Final = frozenset({*_REQUIRED, "auth_time", "cnf"})

PROTECTED: Final = frozenset({*_OWN, "nbf", "acr", "cnf", "active", "token_type"})
"""Claims that a policy must not set: those of this package, those that would change the meaning of
a token, and those of introspection responses (RFC 7662 §2.2)."""

MAX_EXTRA: Final = 2048
"""Bytes of JSON that a policy may add; the token then stays below 4096 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """The claims of a verified access token."""

    subject: str
    session_id: UUID
    family_id: UUID
    generation: int
    authenticated_at: datetime | None
    """When the user last authenticated; None if that does not apply to this token."""
    authentication_methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The claims of ``SessionPolicy.access_token_claims``."""
    token_id: str = ""
    """The claim ``jti`` of a verified token; ``issue`` generates a new one."""
    client_id: str = ""
    """The claim ``client_id`` of a verified token; ``issue`` uses the setting ``CLIENT_ID``."""
    issuer: str = ""
    """The claim ``iss`` of a verified token; ``issue`` uses the present tenant."""
    environment: str = ""
    """The claim ``env`` of a verified token: a digest of the issuer and its database."""
    key_thumbprint: str = ""
    """``jkt`` of the claim ``cnf`` (RFC 9449 §6.1); empty for a token without a key."""

    @property
    def place(self) -> tuple[UUID, int]:
        """Family and generation."""
        return self.family_id, self.generation


def check_extra(extra: Mapping[str, Any]) -> None:
    """Check the claims of a policy before anything is written.

    Raises:
        ExtraClaimsError: not a mapping of JSON values, too large, or with a protected claim.

    """
    if extra == {}:
        return
    hook = "SessionPolicy.access_token_claims"
    if not isinstance(extra, Mapping) or not all(isinstance(name, str) for name in extra):
        raise ExtraClaimsError(f"{hook} must return a dict with strings as keys.")
    if taken := sorted(PROTECTED & extra.keys()):
        raise ExtraClaimsError(f"{hook} must not return {', '.join(taken)}: these claims are set.")
    try:
        content = dump_object(dict(extra))
        load_object(content)  # The keys 1 and "1" are the same name in JSON, and a repeated one.
    except (TypeError, ValueError, RecursionError) as error:
        raise ExtraClaimsError(f"{hook} returned a value that is not JSON: {error}.") from None
    if len(content) > MAX_EXTRA:
        raise ExtraClaimsError(
            f"{hook} returned {len(content)} bytes of JSON, of at most {MAX_EXTRA}."
        )


@sensitive_variables()
def issue(claims: AccessClaims) -> str:
    """Encode and sign an access token.

    Raises:
        ExtraClaimsError: the additional claims are invalid, or the token becomes too long.

    """
    check_extra(claims.extra)
    issuer = get_issuer()
    payload = _to_payload(
        claims,
        # 128 bits from a CSPRNG; a UUID has only 122 (ASVS 7.2.3, 11.5.1).
        token_id=secrets.token_urlsafe(16),
        client_id=get_settings().CLIENT_ID,
        issuer=issuer,
        environment=get_environment(issuer),
    )
    token = encode(payload, typ=TYP, keyring=get_keyring(Purpose.ACCESS))
    if len(token) > MAX_LENGTH:
        raise ExtraClaimsError(
            f"The access token would have {len(token)} characters, of at most {MAX_LENGTH}: "
            "SessionPolicy.access_token_claims must return less."
        )
    return token


def get_payload(claims: AccessClaims) -> dict[str, Any]:
    """The claims under their names in the token (RFC 9068 §2.2, and those of this package)."""
    issuer = claims.issuer or get_issuer()
    return _to_payload(
        claims,
        token_id=claims.token_id,
        client_id=claims.client_id,
        issuer=issuer,
        environment=claims.environment or get_environment(issuer),
    )


def _to_payload(
    claims: AccessClaims, *, token_id: str, client_id: str, issuer: str, environment: str
) -> dict[str, Any]:
    payload = {
        **claims.extra,
        "iss": issuer,
        "aud": get_settings().AUDIENCE,
        "sub": claims.subject,
        "exp": from_instant(claims.expires_at),
        "iat": from_instant(claims.issued_at),
        "jti": token_id,
        "client_id": client_id,
        "sid": str(claims.session_id),
        "fid": str(claims.family_id),
        "gen": claims.generation,
        "amr": list(claims.authentication_methods),
        "env": environment,
    }
    if claims.authenticated_at is not None:
        payload["auth_time"] = from_instant(claims.authenticated_at)
    if claims.key_thumbprint:
        payload["cnf"] = {"jkt": claims.key_thumbprint}
    return payload


@sensitive_variables()
def verify(token: str, *, allow_expired: bool = False) -> AccessClaims:
    """Verify an access token and read its claims.

    Args:
        token: the compact serialization.
        allow_expired: accept a token whose ``exp`` has passed. Only for logout.

    Raises:
        ExpiredTokenError: ``exp`` has passed by more than ``LEEWAY``.
        InvalidTokenError: the token is invalid in any other way.

    """
    settings = get_settings()
    token = hide(token)
    payload = decode(
        token,
        typ=TYP,
        keyring=get_keyring(Purpose.ACCESS),
        issuer=get_issuer(),
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
            extra={name: value for name, value in payload.items() if name not in _OWN},
            token_id=to_text(payload["jti"]),
            client_id=to_text(payload["client_id"]),
            issuer=to_text(payload["iss"]),
            environment=to_text(payload["env"]),
            key_thumbprint=to_text(payload["cnf"]["jkt"]) if "cnf" in payload else "",
        )
    except MALFORMED:
        raise InvalidTokenError from None
