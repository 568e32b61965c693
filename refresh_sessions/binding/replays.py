"""Replays: refuse a proof that was used before, with an entry per proof in the cache."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from django.core.cache import BaseCache

from refresh_sessions.cache.circuit import CacheDownError, get_circuit
from refresh_sessions.conf import get_settings

_PREFIX: Final = "refresh_sessions:proof"
_FAILED: Final = "The cache failed; a proof of possession was not checked for a replay"


def is_first_use(thumbprint: str, proof_id: str, *, timeout: float) -> bool:
    """Record the use of a proof, and return whether it is the first one.

    Returns True if the cache fails: the age of a proof, and a nonce, bound replays as well.

    Args:
        thumbprint: the thumbprint of the key of the proof.
        proof_id: the claim ``jti``, unique for each key.
        timeout: the seconds until the proof is too old.

    """
    digest = hashlib.sha256(proof_id.encode("utf-8", "surrogatepass")).hexdigest()
    key = f"{_PREFIX}:{thumbprint}:{digest}"
    use = secrets.token_urlsafe(9)

    def add(cache: BaseCache) -> bool:
        # The circuit repeats a call whose connection broke, perhaps after the entry was stored.
        return bool(cache.add(key, use, timeout=timeout)) or cache.get(key) == use

    try:
        return get_circuit(get_settings().CACHE_ALIAS).call(add, _FAILED)
    except CacheDownError:
        return True
