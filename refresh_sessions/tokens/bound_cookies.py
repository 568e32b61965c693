"""Bound cookies: tokens that a browser gets for a proof of its device key, and keeps for minutes.

A bound cookie is stateless. It names its token family and the thumbprint of the device key. Type,
audience and signing key differ from those of access and refresh tokens.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.tenants import get_device_audience, get_issuer
from refresh_sessions.tokens.claims import to_text, to_uuid
from refresh_sessions.tokens.codec import MALFORMED, decode, encode
from refresh_sessions.tokens.keys import Purpose, get_keyring

TYP: Final = "device+jwt"

_REQUIRED: Final = ("iss", "aud", "exp", "fid", "cnf")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundCookieClaims:
    """The claims of a verified bound cookie."""

    family_id: UUID
    key_thumbprint: str

    def matches(self, family_id: UUID, key_thumbprint: str) -> bool:
        """Whether the cookie is for this family and key."""
        return self.family_id == family_id and constant_time_compare(
            self.key_thumbprint, key_thumbprint
        )


@sensitive_variables()
def issue(*, family_id: UUID, key_thumbprint: str) -> str:
    """Encode and sign a bound cookie that expires after ``BOUND_COOKIE_LIFETIME``."""
    issuer = get_issuer()
    lifetime = get_settings().BOUND_COOKIE_LIFETIME.total_seconds()
    payload = {
        "iss": issuer,
        "aud": get_device_audience(issuer),
        "exp": int(time.time() + lifetime),
        "fid": str(family_id),
        # RFC 7800 §3.1, RFC 9449 §6.1.
        "cnf": {"jkt": key_thumbprint},
    }
    return hide(encode(payload, typ=TYP, keyring=get_keyring(Purpose.DEVICE)))


@sensitive_variables()
def verify(token: str) -> BoundCookieClaims:
    """Verify a bound cookie and read its claims.

    Raises:
        ExpiredTokenError: the cookie has expired.
        InvalidTokenError: the cookie is malformed or forged.

    """
    token, issuer = hide(token), get_issuer()
    payload = decode(
        token,
        typ=TYP,
        keyring=get_keyring(Purpose.DEVICE),
        issuer=issuer,
        audience=get_device_audience(issuer),
        required=_REQUIRED,
        leeway=get_settings().LEEWAY,
    )
    try:
        return BoundCookieClaims(
            family_id=to_uuid(payload["fid"]), key_thumbprint=to_text(payload["cnf"]["jkt"])
        )
    except MALFORMED:
        raise InvalidTokenError from None
