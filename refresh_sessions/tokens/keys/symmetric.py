"""Symmetric keys: random bytes, written as base64url."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Final

from refresh_sessions.tokens.keys.derived import kid_of
from refresh_sessions.tokens.keys.faults import UnfitKey, UnreadableKey
from refresh_sessions.tokens.keys.model import Key, Purpose
from refresh_sessions.tokens.keys.sources import Entry

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_DISTINCT_BYTES: Final = 8
"""Among 32 random bytes there are more, but for one case in 10^30."""


def parse_secret(entry: Entry, purpose: Purpose) -> Key:
    """The key that an entry holds.

    Raises:
        UnreadableKey: it is not base64url.
        UnfitKey: it is shorter than its hash (RFC 7518 §3.2), or not random.

    """
    name, minimum = entry.algorithm.name, entry.algorithm.bits // 8
    remedy = f"Make one with: manage.py refresh_sessions_key generate --algorithm {name}."
    secret = _decode(entry.text)
    if secret is None:
        raise UnreadableKey(
            f"{entry.where} is not base64url, as keys for {name} are.", remedy=remedy
        )
    if len(secret) < minimum:
        raise UnfitKey(
            f"{entry.where} has {len(secret)} bytes; {name} takes {minimum} or more.",
            remedy=remedy,
        )
    if len(set(secret)) < _DISTINCT_BYTES:
        raise UnfitKey(f"{entry.where} is not random, and can be guessed.", remedy=remedy)
    return Key(
        kid=kid_of(secret, salt=f"refresh_sessions.keys.{purpose}"),
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
