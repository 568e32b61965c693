"""Asymmetric keys: parse PEM, and compute JWKs (RFC 7517) and thumbprints (RFC 7638)."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast

import jwt

from refresh_sessions.tokens.keys.errors import (
    UnreadableKeyError,
    WrongKeyError,
    missing_cryptography_error,
)
from refresh_sessions.tokens.keys.model import ALGORITHMS, Algorithm, Key, Kind
from refresh_sessions.tokens.keys.sources import Entry

if TYPE_CHECKING:
    from refresh_sessions.tokens.keys.model import PrivateKey, PublicKey

# The public members of a key, in the order of RFC 7638 §3.2 and RFC 8037 §2. Others are omitted,
# so that no private member is published.
_MEMBERS: Final = {
    Kind.ELLIPTIC: ("crv", "kty", "x", "y"),
    Kind.EDWARDS: ("crv", "kty", "x"),
    Kind.RSA: ("e", "kty", "n"),
}


def jwk_members(public: PublicKey, algorithm: str) -> dict[str, str]:
    """The required JWK members of a public key."""
    converter = cast("Any", jwt.get_algorithm_by_name(algorithm))
    jwk: Mapping[str, Any] = converter.to_jwk(public, as_dict=True)
    return {name: jwk[name] for name in _MEMBERS[ALGORITHMS[algorithm].kind]}


def thumbprint(required: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of the required members of a JWK (RFC 7638 §3)."""
    canonical = json.dumps(dict(required), sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def public_jwk(key: Key) -> dict[str, str]:
    """The JWK of an asymmetric key for the JWKS."""
    if key.public is None:
        raise ValueError("a symmetric key must not be published")
    metadata = {"kid": key.kid, "alg": key.algorithm, "use": "sig"}
    return metadata | jwk_members(key.public, key.algorithm)


_PEM_BLOCK: Final = re.compile(
    r"-----BEGIN ([A-Z ]*(PRIVATE|PUBLIC) KEY)-----.+?-----END \1-----", re.DOTALL
)


def parse_pem(entry: Entry) -> Key:
    """Parse the PEM key of an entry; its ``kid`` is the thumbprint.

    Raises:
        MissingCryptographyError: the library ``cryptography`` is not installed.
        UnreadableKeyError: the text is not PEM, or the key is damaged or encrypted.
        WrongKeyError: the key does not suit the algorithm, or is too short for it.

    """
    algorithm = entry.algorithm
    if find_spec("cryptography") is None:
        raise missing_cryptography_error(entry.where, algorithm.name)
    private, public = _load(entry)
    if (size := _size_for(public, algorithm)) is None:
        raise WrongKeyError(
            f"{entry.where} is not {algorithm.key}, which {algorithm.name} requires.",
            remedy="Correct 'algorithm', or generate a key with: manage.py manage_session_keys "
            f"generate --algorithm {algorithm.name}.",
        )
    if size < algorithm.bits:
        raise WrongKeyError(
            f"{entry.where} has {size} bits; {algorithm.name} requires {algorithm.bits} or more.",
            remedy="Generate a longer key, or change to ES256 or EdDSA.",
        )
    return Key(
        kid=thumbprint(jwk_members(public, algorithm.name)),
        algorithm=algorithm.name,
        secret=private,
        public=public,
        bits=size,
        origin=entry.origin,
    )


def _load(entry: Entry) -> tuple[PrivateKey | None, PublicKey]:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  (an extra)
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
        load_pem_public_key,
    )

    block = _PEM_BLOCK.search(entry.text)
    if block is None:
        raise UnreadableKeyError(
            f"{entry.where} has no PEM block of a private or public key.",
            remedy="A private key begins with '-----BEGIN PRIVATE KEY-----'.",
        )
    try:
        if block[2] == "PUBLIC":
            return None, cast("PublicKey", load_pem_public_key(block[0].encode()))
        private = cast("PrivateKey", load_pem_private_key(block[0].encode(), password=None))
    except TypeError:
        raise UnreadableKeyError(
            f"{entry.where} has an encrypted private key.",
            remedy="Store it unencrypted, in a file that only the server's user may read.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnreadableKeyError(
            f"{entry.where} has a PEM block that cannot be parsed.",
            remedy="Copy the whole file again; check it with 'openssl pkey -in FILE -noout'.",
        ) from None
    return private, private.public_key()


def _size_for(public: PublicKey, algorithm: Algorithm) -> int | None:
    """The size of a key in bits, or None if the key does not suit the algorithm."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if algorithm.kind is Kind.EDWARDS:
        return algorithm.bits if isinstance(public, ed25519.Ed25519PublicKey) else None
    if algorithm.kind is Kind.ELLIPTIC:
        is_p256 = (
            isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"
        )
        return algorithm.bits if is_p256 else None
    return public.key_size if isinstance(public, rsa.RSAPublicKey) else None
