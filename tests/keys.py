"""Keys to test with, made once per run. What is asymmetric needs the extra ``crypto``."""

import json
from functools import lru_cache

from refresh_sessions.tokens.keys import Purpose, get_keyring
from refresh_sessions.tokens.keys.generating import generate

ASYMMETRIC = ("ES256", "EdDSA", "PS256", "RS256")
SYMMETRIC = ("HS256", "HS384", "HS512")


@lru_cache
def text(algorithm: str, which: int = 0) -> str:
    """A key as a person would have it in a file; another one for each number."""
    return generate("PS256" if algorithm == "RS256" else algorithm)


def entry(algorithm: str, which: int = 0) -> dict[str, str]:
    """An entry of KEYS that holds that key itself."""
    return {"algorithm": algorithm, "value": text(algorithm, which)}


def private(algorithm: str, which: int = 0):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    return load_pem_private_key(text(algorithm, which).encode(), password=None)


def public_pem(algorithm: str, which: int = 0) -> str:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        PublicFormat,
    )

    public = private(algorithm, which).public_key()
    return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ascii")


def kid() -> str:
    """Of the key that signs access tokens now."""
    return get_keyring(Purpose.ACCESS).signing.kid


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
