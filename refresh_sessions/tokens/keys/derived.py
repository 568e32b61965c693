"""Keys derived from ``SECRET_KEY``, by purpose: never the key itself."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.crypto import salted_hmac

from refresh_sessions.tokens.keys.model import Key, Purpose

DERIVED: Final = "SECRET_KEY"
"""The entry of ``KEYS`` and ``REFRESH_KEYS`` that stands for these keys."""


def derived_keys(purpose: Purpose, secrets: Sequence[str | bytes]) -> Iterator[Key]:
    """A key for each secret: that of ``SECRET_KEY`` first, then those of its fallbacks."""
    salt = f"refresh_sessions.tokens.{purpose}"
    for index, secret in enumerate(dict.fromkeys(secrets)):
        derived = salted_hmac(salt, "HS256", secret=secret, algorithm="sha256").digest()
        yield Key(
            kid=kid_of(secret, salt=salt),
            algorithm="HS256",
            secret=derived,
            bits=256,
            origin=f"SECRET_KEY_FALLBACKS[{index - 1}]" if index else DERIVED,
        )


def kid_of(secret: str | bytes, *, salt: str) -> str:
    """A name for a secret, derived beside what it signs with, and so telling nothing of it."""
    kid = salted_hmac(salt, "kid", secret=secret, algorithm="sha256").digest()[:9]
    return urlsafe_b64encode(kid).decode()
