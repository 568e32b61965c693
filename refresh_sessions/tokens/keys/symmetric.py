"""Symmetric keys: derive keys from ``SECRET_KEY``, and parse random keys in base64url."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Final

import jwt
from django.utils.crypto import salted_hmac

from refresh_sessions.tokens.keys.errors import UnreadableKeyError, WrongKeyError
from refresh_sessions.tokens.keys.model import Key, Purpose
from refresh_sessions.tokens.keys.sources import Entry

DERIVED: Final = "SECRET_KEY"
"""The entry of ``KEYS`` and ``REFRESH_KEYS`` for derived keys."""


def derive_keys(purpose: Purpose, secrets: Sequence[str | bytes]) -> Iterator[Key]:
    """Derive one key from each secret: ``SECRET_KEY`` first, then its fallbacks."""
    salt = f"refresh_sessions.tokens.{purpose}"
    for index, secret in enumerate(dict.fromkeys(secrets)):
        derived = salted_hmac(salt, "HS256", secret=secret, algorithm="sha256").digest()
        yield Key(
            kid=derive_kid(secret, salt=salt),
            algorithm="HS256",
            secret=derived,
            bits=256,
            origin=f"SECRET_KEY_FALLBACKS[{index - 1}]" if index else DERIVED,
        )


def derive_kid(secret: str | bytes, *, salt: str) -> str:
    """Derive the ``kid`` of a secret independently of its key, so that it reveals nothing."""
    kid = salted_hmac(salt, "kid", secret=secret, algorithm="sha256").digest()[:9]
    return urlsafe_b64encode(kid).decode()


_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")

_DISTINCT_BYTES: Final = 8
"""The minimum; 32 random bytes have fewer with a probability of about 10^-30."""


def parse_secret(entry: Entry, purpose: Purpose) -> Key:
    """Parse the symmetric key of an entry.

    Raises:
        UnreadableKeyError: the text is not base64url.
        WrongKeyError: the key is shorter than its hash (RFC 7518 §3.2), or not random bytes.

    """
    name, minimum = entry.algorithm.name, entry.algorithm.bits // 8
    remedy = f"Generate one with: manage.py manage_session_keys generate --algorithm {name}."
    secret = _decode(entry.text)
    if secret is None:
        raise UnreadableKeyError(
            f"{entry.where} is not base64url, which {name} requires.", remedy=remedy
        )
    if len(secret) < minimum:
        raise WrongKeyError(
            f"{entry.where} has {len(secret)} bytes; {name} requires {minimum} or more.",
            remedy=remedy,
        )
    if len(set(secret)) < _DISTINCT_BYTES:
        raise WrongKeyError(f"{entry.where} is not random and can be guessed.", remedy=remedy)
    try:
        jwt.get_algorithm_by_name(name).prepare_key(secret)
    except jwt.InvalidKeyError:
        raise WrongKeyError(
            f"{entry.where} is an asymmetric key or a JWK, and not random bytes.", remedy=remedy
        ) from None
    return Key(
        kid=derive_kid(secret, salt=f"refresh_sessions.keys.{purpose}"),
        algorithm=name,
        secret=secret,
        bits=8 * len(secret),
        origin=entry.origin,
    )


def _decode(text: str) -> bytes | None:
    if not _BASE64URL.fullmatch(text):
        return None
    unpadded = text.rstrip("=")
    try:
        return urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    except ValueError:
        return None
