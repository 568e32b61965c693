"""Keys that sign and verify, each bound to one algorithm and found by its ``kid``.

Access and refresh tokens never share a key (RFC 8725 §3.8, ASVS 9.2.4). By default the keys are
derived from ``SECRET_KEY`` by purpose; those of ``SECRET_KEY_FALLBACKS`` only verify.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac


class Purpose(StrEnum):
    """What a key is for; part of its derivation, so that no key serves two purposes."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key with the one algorithm it may be used with (RFC 8725 §3.1)."""

    kid: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, algorithm={self.algorithm!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The key that signs, and all that still verify, by ``kid``."""

    signing: Key
    verifying: Mapping[str, Key]


def get_keyring(purpose: Purpose) -> Keyring:
    """The keyring in force now for ``purpose``."""
    return _derived_keyring(
        purpose, django_settings.SECRET_KEY, tuple(django_settings.SECRET_KEY_FALLBACKS)
    )


@lru_cache(maxsize=16)
def _derived_keyring(
    purpose: Purpose, secret: str | bytes, fallbacks: tuple[str | bytes, ...]
) -> Keyring:
    keys = [_derived_key(purpose, source) for source in (secret, *fallbacks)]
    return Keyring(signing=keys[0], verifying=MappingProxyType({key.kid: key for key in keys}))


def _derived_key(purpose: Purpose, secret: str | bytes) -> Key:
    salt = f"refresh_sessions.tokens.{purpose}"
    # The kid is derived beside the key, not from it, and so tells nothing about it.
    kid = salted_hmac(salt, "kid", secret=secret, algorithm="sha256").digest()[:9]
    return Key(
        kid=urlsafe_b64encode(kid).decode(),
        algorithm="HS256",
        secret=salted_hmac(salt, "HS256", secret=secret, algorithm="sha256").digest(),
    )
