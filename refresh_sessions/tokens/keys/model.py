"""What a key is, and which algorithms there are."""

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
    """What a key is for; part of its derivation, so that no key serves two purposes."""

    ACCESS = "access"
    REFRESH = "refresh"


class Kind(StrEnum):
    """What sort of key an algorithm takes, in the words of RFC 7518 §6.1 and RFC 8037."""

    SYMMETRIC = "oct"
    ELLIPTIC = "EC"
    EDWARDS = "OKP"
    RSA = "RSA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """An algorithm with the only sort of key it may be used with (RFC 8725 §3.1)."""

    name: str
    kind: Kind
    key: str
    """What its keys are, in words for a person."""
    bits: int
    """The least for symmetric keys (RFC 7518 §3.2) and RSA (ASVS 11.2.3); else the size."""


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
    """One key with the one algorithm it may be used with (RFC 8725 §3.1)."""

    kid: str
    algorithm: str
    secret: bytes | PrivateKey | None
    """What signs; None for a public key, which verifies only."""
    public: PublicKey | None = None
    """What verifies; None for a symmetric key, which does both."""
    bits: int
    origin: str
    """Where it comes from, for people who manage keys; nothing secret."""

    @property
    def signer(self) -> bytes | PrivateKey:
        """What a signature is made with.

        Raises:
            TypeError: the key is a public one; no keyring signs with such.

        """
        if self.secret is None:
            raise TypeError("a public key cannot sign")
        return self.secret

    @property
    def verifier(self) -> bytes | PublicKey:
        """What a signature is verified with."""
        return cast("bytes", self.secret) if self.public is None else self.public

    @property
    def is_symmetric(self) -> bool:
        """Whether who can verify can sign as well."""
        return self.public is None

    def __repr__(self) -> str:
        return f"Key(kid={self.kid!r}, algorithm={self.algorithm!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The key that signs, and all that verify, by ``kid``; the one that signs comes first."""

    signing: Key
    verifying: Mapping[str, Key]
