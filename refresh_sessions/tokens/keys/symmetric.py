"""Symmetric keys: derived from ``SECRET_KEY``, or random bytes in base64url."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.crypto import salted_hmac

from refresh_sessions.tokens.keys.errors import UnreadableKeyError, WrongKeyError
from refresh_sessions.tokens.keys.model import Key, Purpose
from refresh_sessions.tokens.keys.sources import Entry

DERIVED: Final = "SECRET_KEY"
"""The entry of ``KEYS`` and ``REFRESH_KEYS`` that stands for these keys."""


def derive_keys(purpose: Purpose, secrets: Sequence[str | bytes]) -> Iterator[Key]:
    """A key for each secret: that of ``SECRET_KEY`` first, then those of its fallbacks."""
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
    """A name for a secret, derived beside what it signs with, and so telling nothing of it."""
    kid = salted_hmac(salt, "kid", secret=secret, algorithm="sha256").digest()[:9]
    return urlsafe_b64encode(kid).decode()


_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")

_DISTINCT_BYTES: Final = 8
"""Among 32 random bytes there are more, but for one case in 10^30."""


def parse_secret(entry: Entry, purpose: Purpose) -> Key:
    """The key that an entry holds.

    Raises:
        UnreadableKeyError: it is not base64url.
        WrongKeyError: it is shorter than its hash (RFC 7518 §3.2), or not random.

    """
    name, minimum = entry.algorithm.name, entry.algorithm.bits // 8
    remedy = f"Make one with: manage.py manage_session_keys generate --algorithm {name}."
    secret = _decode(entry.text)
    if secret is None:
        raise UnreadableKeyError(
            f"{entry.where} is not base64url, as keys for {name} are.", remedy=remedy
        )
    if len(secret) < minimum:
        raise WrongKeyError(
            f"{entry.where} has {len(secret)} bytes; {name} takes {minimum} or more.",
            remedy=remedy,
        )
    if len(set(secret)) < _DISTINCT_BYTES:
        raise WrongKeyError(f"{entry.where} is not random, and can be guessed.", remedy=remedy)
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
    bare = text.rstrip("=")
    try:
        return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        return None
