"""Public keys as JSON (RFC 7517), and their names: thumbprints (RFC 7638)."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import jwt

from refresh_sessions.tokens.keys.model import ALGORITHMS, Key, Kind

if TYPE_CHECKING:
    from refresh_sessions.tokens.keys.model import PublicKey

# The members that make the key, in the order of RFC 7638 §3.2 and RFC 8037 §2. Nothing else is
# ever taken over, so no private member can get out.
_MEMBERS: Final = {
    Kind.ELLIPTIC: ("crv", "kty", "x", "y"),
    Kind.EDWARDS: ("crv", "kty", "x"),
    Kind.RSA: ("e", "kty", "n"),
}


def members(public: PublicKey, algorithm: str) -> dict[str, str]:
    """The members of the JWK that a public key consists of."""
    converter = cast("Any", jwt.get_algorithm_by_name(algorithm))
    whole: Mapping[str, Any] = converter.to_jwk(public, as_dict=True)
    return {name: whole[name] for name in _MEMBERS[ALGORITHMS[algorithm].kind]}


def thumbprint(required: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a JWK's required members (RFC 7638 §3)."""
    canonical = json.dumps(dict(required), sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def published(key: Key) -> dict[str, str]:
    """An asymmetric key as the JWKS shows it."""
    if key.public is None:
        raise ValueError("a symmetric key is nobody else's business")
    described = {"kid": key.kid, "alg": key.algorithm, "use": "sig"}
    return described | members(key.public, key.algorithm)
