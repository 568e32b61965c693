"""Keys for tests, created once per run. Asymmetric ones need the extra ``crypto``."""

import base64
from functools import lru_cache

import pytest

from refresh_sessions.tokens.keys import Purpose, find_config_errors, get_keyring
from refresh_sessions.tokens.keys.errors import KeyConfigError
from refresh_sessions.tokens.keys.new_keys import generate_key

ASYMMETRIC = ("ES256", "EdDSA", "PS256", "RS256")
SYMMETRIC = ("HS256", "HS384", "HS512")


@lru_cache
def text(algorithm: str, which: int = 0) -> str:
    """Return a key as text for a file; another one for each number."""
    return generate_key("PS256" if algorithm == "RS256" else algorithm)


def entry(algorithm: str, which: int = 0) -> dict[str, str]:
    """Return an entry of KEYS that contains the key itself."""
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


def fault() -> KeyConfigError:
    """Return the only error of the keys, which their use raises as well."""
    (only,) = find_config_errors()
    with pytest.raises(type(only)) as raised:
        get_keyring(Purpose.ACCESS)
    assert str(raised.value) == str(only)
    assert only.remedy.endswith(".")
    return only


def b64(data: bytes) -> str:
    """Return base64 with padding, which keys may have."""
    return base64.urlsafe_b64encode(data).decode()


def random_bytes(count: int) -> bytes:
    """Return fixed bytes that pass for random."""
    return bytes((i * 37 + 11) % 256 for i in range(count))
