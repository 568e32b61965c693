"""Encoding and decoding of compact JWTs, with every check of RFC 8725 in a fixed order.

First what costs nothing (size, characters), then the header (``typ``, no foreign keys, ``kid``),
then the signature with the key's own algorithm, and only then the claims (ASVS 9.1.1).
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
"""Characters; longer than any token of ours, and as much as a cookie holds (ASVS 3.3.5)."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# A token must never bring its own key along (ASVS 9.1.3).
_FOREIGN_KEY_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c"})

# An HMAC key shorter than its hash is refused; PyJWT would only warn (RFC 7518 §3.2).
_pyjwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})

# What PyJWT and the conversions of claims raise for input that no token of ours contains; the
# RecursionError comes from deeply nested JSON in a header.
MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@sensitive_variables()
def encode(claims: Mapping[str, Any], *, typ: str, keyring: Keyring) -> str:
    """Sign ``claims`` with the keyring's signing key.

    Raises:
        TypeError, ValueError: a claim is nothing that JSON has.

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
        ExpiredTokenError: everything is right but ``exp``, and ``verify_exp`` is set.
        InvalidTokenError: anything else.

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
                # Clocks of two servers may differ by more than the leeway; a token "from the
                # future" that we signed is no danger, its exp bounds it.
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
    # Base64 leaves spare bits in its last character: without this check several spellings of
    # one signature would be accepted.
    if urlsafe_b64encode(decoded).rstrip(b"=").decode() != signature:
        raise InvalidTokenError


def _find_key(token: str, *, typ: str, keyring: Keyring) -> Key:
    header = jwt.get_unverified_header(token)
    if header.get("typ") != typ or _FOREIGN_KEY_HEADERS & header.keys():
        raise InvalidTokenError
    key = keyring.verifying[header["kid"]]
    if header.get("alg") != key.algorithm:
        raise InvalidTokenError
    return key
