"""Codec: encode and decode compact JWTs with the checks of RFC 8725.

The order of the checks: size and characters, header (``typ``, no embedded keys, ``kid``),
signature with the algorithm of the key, claims (ASVS 9.1.1).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import jwt
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.redaction import hide, hide_items
from refresh_sessions.tokens.keys import Key, Keyring

MAX_LENGTH: Final = 4096
"""Characters; the size limit of cookies (ASVS 3.3.5), and longer than any issued token."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# A token must not supply its own key (ASVS 9.1.3).
_EMBEDDED_KEY_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c"})

# Reject HMAC keys shorter than their hash (RFC 7518 §3.2); by default PyJWT only warns.
_pyjwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

# The errors of PyJWT and of the claim conversions for malformed tokens. Deeply nested JSON in a
# header raises RecursionError.
MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@sensitive_variables()
def encode(claims: Mapping[str, Any], *, typ: str, keyring: Keyring) -> str:
    """Sign ``claims`` with the signing key of the keyring.

    Raises:
        TypeError, ValueError: a claim is not a JSON value.

    """
    key = keyring.signing
    headers = {"typ": typ, "kid": key.kid}
    return hide(_pyjwt.encode(dict(claims), key.signer, algorithm=key.algorithm, headers=headers))


@sensitive_variables()
def decode(
    token: str,
    *,
    typ: str,
    keyring: Keyring,
    issuer: str,
    audience: str,
    required: Sequence[str],
    leeway: timedelta = timedelta(0),
    verify_exp: bool = True,
) -> dict[str, Any]:
    """Verify ``token`` and return its claims.

    Raises:
        ExpiredTokenError: the token is valid except for ``exp``, and ``verify_exp`` is set.
        InvalidTokenError: the token is invalid in any other way.

    """
    token = hide(token)
    _check_form(token)
    try:
        key = _find_key(token, typ=typ, keyring=keyring)
        claims = _pyjwt.decode(
            token,
            key.verifier,
            algorithms=[key.algorithm],
            issuer=issuer,
            audience=audience,
            leeway=leeway,
            options={
                "require": list(required),
                "strict_aud": True,
                "verify_exp": verify_exp,
                # The clocks of two servers may differ by more than the leeway. An iat in the
                # future is harmless, as exp limits the lifetime.
                "verify_iat": False,
                "enforce_minimum_key_length": True,
            },
        )
        return hide_items(claims, shown=claims.keys() - {"secret"})
    except jwt.ExpiredSignatureError:
        raise ExpiredTokenError from None
    except MALFORMED:
        raise InvalidTokenError from None


def _check_form(token: str) -> None:
    if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
        raise InvalidTokenError
    signature = hide(token.rpartition(".")[2])
    try:
        decoded = hide(urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    except ValueError:
        raise InvalidTokenError from None
    # The last base64 character has unused bits: without this check one signature would have
    # several accepted encodings.
    if urlsafe_b64encode(decoded).rstrip(b"=").decode() != signature:
        raise InvalidTokenError


def _find_key(token: str, *, typ: str, keyring: Keyring) -> Key:
    header = jwt.get_unverified_header(token)
    if header.get("typ") != typ or _EMBEDDED_KEY_HEADERS & header.keys():
        raise InvalidTokenError
    key = keyring.verifying[header["kid"]]
    if header.get("alg") != key.algorithm:
        raise InvalidTokenError
    return key
