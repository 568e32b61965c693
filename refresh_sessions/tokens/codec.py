"""Codec: encode and decode compact JWTs with the checks of RFC 8725.

PyJWT's algorithms sign and verify; the other checks are here. Their order: size, header (``typ``,
no embedded keys, ``kid``, ``alg``), signature with the algorithm of the key, claims (ASVS 9.1.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import jwt
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.tokens.keys import Keyring
from refresh_sessions.tokens.prepared_keys import PreparedKey, PreparedKeys, prepare_keys
from refresh_sessions.tokens.segments import (
    decode_segment,
    dump_object,
    encode_segment,
    load_object,
)

MAX_LENGTH: Final = 4096
"""Characters; the size limit of cookies (ASVS 3.3.5), and longer than any issued token."""

# A token must not supply its own key (ASVS 9.1.3). No extension of RFC 7515 is understood, so each
# critical one is refused (RFC 7515 §4.1.11), and with it an unencoded payload (RFC 7797).
_REFUSED_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64"})

# The errors of PyJWT and of the conversions for malformed tokens. Deeply nested JSON raises
# RecursionError.
MALFORMED: Final = (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


@sensitive_variables()
def encode(claims: Mapping[str, Any], *, typ: str, keyring: Keyring) -> str:
    """Sign ``claims`` with the signing key of the keyring.

    Raises:
        TypeError, ValueError: a claim is not a JSON value.

    """
    key = prepare_keys(keyring, typ).signing
    payload = hide(encode_segment(dump_object(claims)))
    signing_input = hide(b"%b.%b" % (key.header, payload))
    signature = hide(encode_segment(key.sign(signing_input)))
    return hide((b"%b.%b" % (signing_input, signature)).decode())


@sensitive_variables()
def decode(
    token: str,
    *,
    typ: str,
    keyring: Keyring,
    issuer: str,
    audience: str,
    required: Iterable[str],
    leeway: timedelta = timedelta(0),
    verify_exp: bool = True,
) -> dict[str, Any]:
    """Verify ``token`` and return its claims.

    Raises:
        ExpiredTokenError: the signature is valid, ``exp`` has passed, and ``verify_exp`` is set.
        InvalidTokenError: the token is invalid in any other way.

    """
    token, keys = hide(token), prepare_keys(keyring, typ)
    try:
        claims = _read_claims(token, keys)
    except MALFORMED:
        raise InvalidTokenError from None
    _check_presence(claims, required)
    _check_period(claims, now=time.time(), leeway=leeway.total_seconds(), verify_exp=verify_exp)
    _check_names(claims, issuer=issuer, audience=audience)
    return claims


def _read_claims(token: str, keys: PreparedKeys) -> dict[str, Any]:
    """Verify header and signature, and parse the claims.

    Raises:
        InvalidTokenError: a check failed; one of ``MALFORMED`` means the same.

    """
    if len(token) > MAX_LENGTH:
        raise InvalidTokenError
    signing_input, signature = map(hide, token.encode("ascii").rsplit(b".", 1))
    header, payload = map(hide, signing_input.split(b".", 1))
    # A header of our own keys needs no parsing: all its bytes are known.
    key = keys.by_header.get(header) or _find_key(header, keys)
    if not key.verify(signing_input, decode_segment(signature)):
        raise InvalidTokenError
    return load_object(decode_segment(payload))


def _find_key(segment: bytes, keys: PreparedKeys) -> PreparedKey:
    """Find the key of a header that is written in another way than ours."""
    header = load_object(decode_segment(segment))
    if header.get("typ") != keys.typ or _REFUSED_HEADERS & header.keys():
        raise InvalidTokenError
    key = keys.by_kid[header["kid"]]
    if header.get("alg") != key.algorithm:
        raise InvalidTokenError
    return key


def _check_presence(claims: Mapping[str, Any], required: Iterable[str]) -> None:
    if None in map(claims.get, required):
        raise InvalidTokenError


def _check_period(
    claims: Mapping[str, Any], *, now: float, leeway: float, verify_exp: bool
) -> None:
    """Check ``nbf`` and ``exp``. Both are integers, as in all tokens of this package.

    Not ``iat``: the clocks of two servers may differ by more than the leeway, and an ``iat`` in
    the future is harmless, as ``exp`` limits the lifetime.
    """
    for name in ("nbf", "exp"):
        if name in claims and type(claims[name]) is not int:
            raise InvalidTokenError
    if claims.get("nbf", 0) > now + leeway:
        raise InvalidTokenError
    if verify_exp and "exp" in claims and claims["exp"] <= now - leeway:
        raise ExpiredTokenError


def _check_names(claims: Mapping[str, Any], *, issuer: str, audience: str) -> None:
    """Check ``iss`` and ``aud``, which are equal to one text, and the types of others."""
    if claims.get("iss") != issuer:
        raise InvalidTokenError
    # A list is refused, even with the right audience in it (ASVS 9.2.3).
    if not audience or claims.get("aud") != audience:
        raise InvalidTokenError
    if not isinstance(claims.get("sub", ""), str) or not isinstance(claims.get("jti", ""), str):
        raise InvalidTokenError
