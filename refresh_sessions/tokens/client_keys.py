"""Client keys: public JWKs from untrusted proofs, and their thumbprints.

The algorithms are asymmetric, and each has one type of key (RFC 8725 §3.1). A JWK with a private
member is refused: its key is no longer secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

import jwt

from refresh_sessions.tokens.keys.asymmetric import thumbprint
from refresh_sessions.tokens.segments import decode_segment, dump_object, load_object

RSA_BITS: Final = range(2048, 4097)
"""RFC 7518 §3.3 requires 2048; the time of a verification grows with the square of the size."""

MAX_MEMBERS: Final = 16
"""Members of a JWK; a public key has at most 4 required ones, and some metadata."""

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_COORDINATE_BYTES: Final = 32
_EXPONENT: Final = "AQAB"
"""65537 in base64url; other exponents are insecure, slow or unusual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A public key that a client has shown, with its only algorithm."""

    algorithm: str
    members: Mapping[str, str]
    """The required members of the JWK (RFC 7638 §3.2), without metadata."""
    thumbprint: str
    """SHA-256 of the required members, 43 characters (RFC 7638)."""
    _implementation: Any = field(repr=False)
    _key: Any = field(repr=False)

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature is valid."""
        valid: bool = self._implementation.verify(signing_input, self._key, signature)
        return valid

    @property
    def json(self) -> str:
        """The required members and ``alg`` as JSON, for ``load_client_key``."""
        return dump_object({**self.members, "alg": self.algorithm}).decode()


def parse_client_key(jwk: object, algorithm: object) -> ClientKey:
    """Check a JWK from a client, and prepare it for verification.

    Args:
        jwk: the JSON value of the client.
        algorithm: the ``alg`` of the client.

    Raises:
        ValueError: not a public key of that algorithm, or of an unusual size.
        jwt.PyJWTError: the members are no key, such as a point outside of the curve.

    """
    if not isinstance(jwk, Mapping) or len(jwk) > MAX_MEMBERS or _PRIVATE & jwk.keys():
        raise ValueError("not a public JWK")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise ValueError("not an asymmetric algorithm of this package")
    if jwk.get("alg", algorithm) != algorithm:
        raise ValueError("a key of another algorithm")
    members = _ALGORITHMS[algorithm](jwk)
    implementation: Any = jwt.get_algorithm_by_name(_PYJWT_NAMES.get(algorithm, algorithm))
    return ClientKey(
        algorithm=algorithm,
        members=MappingProxyType(members),
        thumbprint=thumbprint(members),
        _implementation=implementation,
        _key=implementation.from_jwk(members),
    )


def load_client_key(text: str) -> ClientKey:
    """The key of a stored ``ClientKey.json``."""
    jwk = load_object(text.encode())
    return parse_client_key(jwk, jwk.get("alg"))


@lru_cache(maxsize=1)
def has_cryptography() -> bool:
    """Whether the library ``cryptography`` is installed, which all algorithms need."""
    return find_spec("cryptography") is not None


def _read_elliptic(jwk: Mapping[str, Any]) -> dict[str, str]:
    _require(jwk, kty="EC", crv="P-256")
    x, y = (_read_coordinate(jwk.get(name)) for name in ("x", "y"))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _read_edwards(jwk: Mapping[str, Any]) -> dict[str, str]:
    _require(jwk, kty="OKP", crv="Ed25519")
    return {"crv": "Ed25519", "kty": "OKP", "x": _read_coordinate(jwk.get("x"))}


def _read_rsa(jwk: Mapping[str, Any]) -> dict[str, str]:
    _require(jwk, kty="RSA", e=_EXPONENT)
    modulus = jwk.get("n")
    size = int.from_bytes(_decode(modulus)).bit_length()
    if size not in RSA_BITS or len(_decode(modulus)) != (size + 7) // 8:
        raise ValueError("not an RSA key of a usual size")
    return {"e": _EXPONENT, "kty": "RSA", "n": str(modulus)}


def _require(jwk: Mapping[str, Any], **members: str) -> None:
    if any(jwk.get(name) != value for name, value in members.items()):
        raise ValueError("another type of key")


def _read_coordinate(value: object) -> str:
    # A fixed length (RFC 7518 §6.2.1.2): otherwise one key would have several thumbprints.
    if len(_decode(value)) != _COORDINATE_BYTES:
        raise ValueError("a coordinate of another length")
    return str(value)


def _decode(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("not base64url")  # noqa: TRY004  (as all errors of the content)
    return decode_segment(value.encode("ascii"))


_ALGORITHMS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, str]]]] = {
    "ES256": _read_elliptic,
    "EdDSA": _read_edwards,
    # The name of RFC 9864, which deprecates EdDSA.
    "Ed25519": _read_edwards,
    "PS256": _read_rsa,
    "RS256": _read_rsa,
}

_PYJWT_NAMES: Final = {"Ed25519": "EdDSA"}

CLIENT_ALGORITHMS: Final = tuple(_ALGORITHMS)
"""The accepted values of ``alg``, for challenges."""
