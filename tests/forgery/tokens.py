"""Construction of tokens with any header, claims and signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import jwt

from refresh_sessions.tokens.keys import Key, Purpose, get_keyring
from tests.unit.forge import b64, parts, unb64


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Tokens of a victim and of others, with the keys in force."""

    victim: Any
    sibling: Any
    """Another session of the same user."""
    stranger: Any
    retired: tuple[Key, ...] = ()
    """Keys that were removed from the settings."""

    def token(self, purpose: Purpose) -> str:
        return str(getattr(self.victim, purpose))

    def header(self, purpose: Purpose) -> dict[str, Any]:
        return parts(self.token(purpose))[0]

    def claims(self, purpose: Purpose) -> dict[str, Any]:
        return parts(self.token(purpose))[1]


def key_of(purpose: Purpose) -> Key:
    return get_keyring(purpose).signing


def encode(value: Any) -> bytes:
    """Encode as JSON unless the value is bytes."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def signing_input(header: Any, claims: Any) -> str:
    """Return the signing input."""
    return f"{b64(encode(header))}.{b64(encode(claims))}"


def sign(header: Any, claims: Any, key: Key) -> str:
    """Return a token with a genuine signature."""
    text = signing_input(header, claims)
    algorithm: Any = jwt.get_algorithm_by_name(key.algorithm)
    return f"{text}.{b64(algorithm.sign(text.encode(), key.signer))}"


def sign_by_hmac(header: Any, claims: Any, secret: bytes, digest: str = "sha256") -> str:
    """Return a token with an HMAC over any bytes."""
    text = signing_input(header, claims)
    return f"{text}.{b64(hmac.new(secret, text.encode(), digest).digest())}"


def changed(
    targets: Targets,
    purpose: Purpose,
    *,
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    drop: str | None = None,
    key: Key | None = None,
) -> str:
    """Return the victim's token with other headers or claims, signed with ``key`` if given."""
    new_header = {**targets.header(purpose), **(header or {})}
    new_claims = {**targets.claims(purpose), **(claims or {})}
    for part in (new_header, new_claims):
        part.pop(drop or "", None)
    return sign(new_header, new_claims, key or key_of(purpose))


def with_signature(token: str, signature: bytes | str) -> str:
    encoded = signature if isinstance(signature, str) else b64(signature)
    return f"{token.rpartition('.')[0]}.{encoded}"


def signature_of(token: str) -> bytes:
    return unb64(token.rpartition(".")[2])


def spare_bits_set(token: str) -> str:
    """Return the token with another base64 encoding of the same signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
