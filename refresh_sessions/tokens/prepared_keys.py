"""Prepared keys: keys as PyJWT's algorithms need them, with the headers of their tokens.

PyJWT's ``Algorithm`` objects are the only code that signs and verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import jwt

from refresh_sessions.redaction import hide
from refresh_sessions.tokens.keys import Key, Keyring
from refresh_sessions.tokens.segments import dump_object, encode_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedKey:
    """A key with its only algorithm, and the header segment of its tokens."""

    header: bytes
    """The encoded header of the tokens that this key signs."""
    algorithm: str
    implementation: Any = field(repr=False)
    """The ``Algorithm`` of PyJWT."""
    signer: Any = field(repr=False)
    """The signing part; None for a public key, which only verifies."""
    verifier: Any = field(repr=False)

    def sign(self, signing_input: bytes) -> bytes:
        """Return the signature.

        Raises:
            TypeError: the key is a public key.

        """
        if self.signer is None:
            raise TypeError("a public key cannot sign")
        signature: bytes = self.implementation.sign(signing_input, self.signer)
        return signature

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature is valid."""
        valid: bool = self.implementation.verify(signing_input, self.verifier, signature)
        return valid


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedKeys:
    """The keys of a keyring for one type of tokens."""

    typ: str
    signing: PreparedKey
    by_header: Mapping[bytes, PreparedKey]
    by_kid: Mapping[str, PreparedKey]


@lru_cache(maxsize=32)
def prepare_keys(keyring: Keyring, typ: str) -> PreparedKeys:
    """Prepare the keys of a keyring for tokens with the header ``typ``.

    Raises:
        InvalidKeyError: a key is too short for its algorithm or has another type.

    """
    by_kid = {kid: _prepare(key, typ) for kid, key in keyring.verifying.items()}
    return PreparedKeys(
        typ=typ,
        signing=by_kid[keyring.signing.kid],
        by_header=MappingProxyType({key.header: key for key in by_kid.values()}),
        by_kid=MappingProxyType(by_kid),
    )


def _prepare(key: Key, typ: str) -> PreparedKey:
    implementation = jwt.get_algorithm_by_name(key.algorithm)
    verifier = hide(implementation.prepare_key(key.verifier))
    # RFC 7518 §3.2 and §3.3; PyJWT itself warns by default.
    if problem := implementation.check_key_length(verifier):
        raise jwt.InvalidKeyError(problem)
    signer = None if key.secret is None else hide(implementation.prepare_key(key.secret))
    # The members in alphabetical order, as all versions of this package write them.
    header = {"alg": key.algorithm, "kid": key.kid, "typ": typ}
    return PreparedKey(
        header=encode_segment(dump_object(header)),
        algorithm=key.algorithm,
        implementation=implementation,
        signer=signer,
        verifier=verifier,
    )
