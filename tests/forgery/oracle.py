"""The codec with ``jwt.encode`` and ``jwt.decode`` of PyJWT, which the package had before."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import jwt

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.tokens.codec import MAX_LENGTH
from refresh_sessions.tokens.keys import Key, Keyring

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_EMBEDDED_KEY_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c"})
_MALFORMED: Final = (
    jwt.PyJWTError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,
)
_pyjwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})


def encode(claims: Mapping[str, Any], *, typ: str, keyring: Keyring) -> str:
    key = keyring.signing
    headers = {"typ": typ, "kid": key.kid}
    return _pyjwt.encode(dict(claims), key.signer, algorithm=key.algorithm, headers=headers)


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
    _check_form(token)
    try:
        key = _find_key(token, typ=typ, keyring=keyring)
        return _pyjwt.decode(
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
                "verify_iat": False,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.ExpiredSignatureError:
        raise ExpiredTokenError from None
    except _MALFORMED:
        raise InvalidTokenError from None


def _check_form(token: str) -> None:
    if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
        raise InvalidTokenError
    signature = token.rpartition(".")[2]
    try:
        decoded = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        raise InvalidTokenError from None
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
