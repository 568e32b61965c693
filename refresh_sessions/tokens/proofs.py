"""Proofs of possession: JWTs that a client signs with a key of its own.

A DPoP proof (RFC 9449 §4.2) and the first proof of a device-bound session bring their public key.
No key of this package is involved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from refresh_sessions.tokens.client_keys import ClientKey, parse_client_key
from refresh_sessions.tokens.codec import MALFORMED
from refresh_sessions.tokens.segments import decode_segment, load_object

MAX_LENGTH: Final = 4096
"""Characters of a proof; one with an RSA key of 4096 bits has about 1,700."""

# As for tokens: no reference to a key elsewhere, and no extension of RFC 7515.
_REFUSED_HEADERS: Final = frozenset({"jku", "x5u", "x5c", "crit", "b64"})


class MalformedProofError(ValueError):
    """The proof is no JWT of the type, has an unusable key, or a wrong signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof with a valid signature; its claims are unchecked."""

    claims: Mapping[str, Any]
    key: ClientKey


def decode_proof(proof: str, *, typ: str, key: ClientKey | None = None) -> Proof:
    """Verify the signature of a proof, in the order of checks of RFC 9449 §4.3.

    Args:
        proof: the compact JWT.
        typ: the required header ``typ``.
        key: the key that must have signed; None for the key in the header ``jwk``.

    Raises:
        MalformedProofError: any check failed.

    """
    try:
        return _decode(proof, typ, key)
    except MALFORMED as error:
        raise MalformedProofError(str(error)) from None


def _decode(proof: str, typ: str, key: ClientKey | None) -> Proof:
    if len(proof) > MAX_LENGTH:
        raise ValueError("too long")
    signing_input, signature = proof.encode("ascii").rsplit(b".", 1)
    header_segment, payload = signing_input.split(b".", 1)
    if key is None:
        key = _read_embedded_key(header_segment, typ)
    elif _read_header(header_segment, typ).get("alg") != key.algorithm:
        raise ValueError("another algorithm than that of the key")
    if not key.verify(signing_input, decode_segment(signature)):
        raise ValueError("a wrong signature")
    return Proof(claims=load_object(decode_segment(payload)), key=key)


@lru_cache(maxsize=512)
def _read_embedded_key(header_segment: bytes, typ: str) -> ClientKey:
    # Cached: the header of a client is the same in each of its proofs.
    header = _read_header(header_segment, typ)
    return parse_client_key(header.get("jwk"), header.get("alg"))


def _read_header(segment: bytes, typ: str) -> dict[str, Any]:
    header = load_object(decode_segment(segment))
    if header.get("typ") != typ or _REFUSED_HEADERS & header.keys():
        raise ValueError("another type of JWT")
    return header
