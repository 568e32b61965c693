"""Key model: keys, keyrings, and the supported algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
    PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


class Purpose(StrEnum):
    """The purpose of a key, which is part of its derivation."""

    ACCESS = "access"
    REFRESH = "refresh"
    DEVICE = "device"
    """Bound cookies; always derived from ``SECRET_KEY``."""


class Kind(StrEnum):
    """The key type of an algorithm (RFC 7518 §6.1, RFC 8037)."""

    SYMMETRIC = "oct"
    ELLIPTIC = "EC"
    EDWARDS = "OKP"
    RSA = "RSA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """An algorithm with its only key type (RFC 8725 §3.1)."""

    name: str
    kind: Kind
    key: str
    """The description of its keys in messages."""
    bits: int
    """The minimum for symmetric keys (RFC 7518 §3.2) and RSA (ASVS 11.2.3); otherwise the size."""


ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        algorithm.name: algorithm
        for algorithm in (
            Algorithm(name="ES256", kind=Kind.ELLIPTIC, key="a P-256 key", bits=256),
            Algorithm(name="EdDSA", kind=Kind.EDWARDS, key="an Ed25519 key", bits=256),
            Algorithm(name="PS256", kind=Kind.RSA, key="an RSA key", bits=3072),
            Algorithm(name="RS256", kind=Kind.RSA, key="an RSA key", bits=3072),
            Algorithm(name="HS256", kind=Kind.SYMMETRIC, key="random bytes", bits=256),
            Algorithm(name="HS384", kind=Kind.SYMMETRIC, key="random bytes", bits=384),
            Algorithm(name="HS512", kind=Kind.SYMMETRIC, key="random bytes", bits=512),
        )
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key with its only algorithm (RFC 8725 §3.1)."""

    kid: str
    algorithm: str
    secret: bytes | PrivateKey | None
    """The signing part; None for a public key, which only verifies."""
    public: PublicKey | None = None
    """The verifying part; None for a symmetric key."""
    bits: int
    origin: str
    """The source of the key for display, without secrets."""

    @property
    def signer(self) -> bytes | PrivateKey:
        """The part of the key that signs.

        Raises:
            TypeError: the key is a public key.

        """
        if self.secret is None:
            raise TypeError("a public key cannot sign")
        return self.secret

    @property
    def verifier(self) -> bytes | PublicKey:
        """The part of the key that verifies."""
        return cast("bytes", self.secret) if self.public is None else self.public

    @property
    def is_symmetric(self) -> bool:
        """Whether the same secret signs and verifies."""
        return self.public is None

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, algorithm={self.algorithm!r})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keyring:
    """The signing key, and all verifying keys by ``kid``, the signing key first.

    Compared by identity, so that it can be the key of a cache.
    """

    signing: Key
    verifying: Mapping[str, Key]
