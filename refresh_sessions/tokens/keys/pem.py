"""Asymmetric keys, private or public, in PEM."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, cast

from refresh_sessions.tokens.keys.faults import UnfitKey, UnreadableKey, missing_cryptography
from refresh_sessions.tokens.keys.jwk import members, thumbprint
from refresh_sessions.tokens.keys.model import Algorithm, Key, Kind
from refresh_sessions.tokens.keys.sources import Entry

if TYPE_CHECKING:
    from refresh_sessions.tokens.keys.model import PrivateKey, PublicKey

_BLOCK: Final = re.compile(
    r"-----BEGIN ([A-Z ]*(PRIVATE|PUBLIC) KEY)-----.+?-----END \1-----", re.DOTALL
)


def parse_pem(entry: Entry) -> Key:
    """The key that an entry holds, named by its thumbprint.

    Raises:
        MissingCryptography: nothing can be parsed without that library.
        UnreadableKey: it is no PEM, damaged, or encrypted.
        UnfitKey: it is not a key for the algorithm, or too short for it.

    """
    algorithm = entry.algorithm
    if find_spec("cryptography") is None:
        raise missing_cryptography(entry.where, algorithm.name)
    private, public = _load(entry)
    if (size := _size_for(public, algorithm)) is None:
        raise UnfitKey(
            f"{entry.where} is not {algorithm.key}, which {algorithm.name} takes.",
            remedy="Correct 'algorithm', or make a key with: manage.py refresh_sessions_key "
            f"generate --algorithm {algorithm.name}.",
        )
    if size < algorithm.bits:
        raise UnfitKey(
            f"{entry.where} has {size} bits; {algorithm.name} takes {algorithm.bits} or more.",
            remedy="Make a longer one, or change to ES256 or EdDSA.",
        )
    return Key(
        kid=thumbprint(members(public, algorithm.name)),
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

    block = _BLOCK.search(entry.text)
    if block is None:
        raise UnreadableKey(
            f"{entry.where} holds no PEM block of a private or public key.",
            remedy="A private key begins with '-----BEGIN PRIVATE KEY-----'.",
        )
    try:
        if block[2] == "PUBLIC":
            return None, cast("PublicKey", load_pem_public_key(block[0].encode()))
        private = cast("PrivateKey", load_pem_private_key(block[0].encode(), password=None))
    except TypeError:
        raise UnreadableKey(
            f"{entry.where} holds a private key that is encrypted.",
            remedy="Keep it unencrypted, in a file that only the server's user may read.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnreadableKey(
            f"{entry.where} holds a PEM block that cannot be parsed.",
            remedy="Copy the file again, whole; 'openssl pkey -in FILE -noout' must like it.",
        ) from None
    return private, private.public_key()


def _size_for(public: PublicKey, algorithm: Algorithm) -> int | None:
    """The size in bits of a key for the algorithm, or None for a key that is none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if algorithm.kind is Kind.EDWARDS:
        return algorithm.bits if isinstance(public, ed25519.Ed25519PublicKey) else None
    if algorithm.kind is Kind.ELLIPTIC:
        fits = isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"
        return algorithm.bits if fits else None
    return public.key_size if isinstance(public, rsa.RSAPublicKey) else None
