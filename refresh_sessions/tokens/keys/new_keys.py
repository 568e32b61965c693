"""Key generation: new keys as text for a file or an environment variable."""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING

from refresh_sessions.tokens.keys.asymmetric import parse_pem
from refresh_sessions.tokens.keys.errors import missing_cryptography_error
from refresh_sessions.tokens.keys.model import ALGORITHMS, Algorithm, Key, Kind, Purpose
from refresh_sessions.tokens.keys.sources import Entry
from refresh_sessions.tokens.keys.symmetric import parse_secret

if TYPE_CHECKING:
    from refresh_sessions.tokens.keys.model import PrivateKey


def generate_key(name: str) -> str:
    """Generate a key for an algorithm.

    Args:
        name: the name of the algorithm.

    Returns:
        PEM (PKCS #8), or base64url for symmetric keys.

    Raises:
        MissingCryptographyError: the algorithm needs the library ``cryptography``.

    """
    algorithm = ALGORITHMS[name]
    if algorithm.kind is Kind.SYMMETRIC:
        return secrets.token_urlsafe(algorithm.bits // 8)
    if find_spec("cryptography") is None:
        raise missing_cryptography_error("The command", name)
    return _as_pem(_new_private_key(algorithm))


def parse_key(text: str, name: str, purpose: Purpose) -> Key:
    """Parse the text of a key, to read its ``kid`` and length."""
    entry = Entry(where="The key", algorithm=ALGORITHMS[name], text=text, origin="")
    if entry.algorithm.kind is Kind.SYMMETRIC:
        return parse_secret(entry, purpose)
    return parse_pem(entry)


def _new_private_key(algorithm: Algorithm) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415  (an extra)
        ec,
        ed25519,
        rsa,
    )

    if algorithm.kind is Kind.ELLIPTIC:
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm.kind is Kind.EDWARDS:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=algorithm.bits)


def _as_pem(private: PrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
