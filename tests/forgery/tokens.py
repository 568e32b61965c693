"""Tokens of any form at all, signed by whoever is at hand."""

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
class Scene:
    """What there is to start from: tokens of a victim and of others, and the keys in force."""

    victim: Any
    sibling: Any
    """Another session of the same user."""
    stranger: Any
    retired: tuple[Key, ...] = ()
    """Keys that signed once, and are no longer in the settings."""

    def token(self, purpose: Purpose) -> str:
        return str(getattr(self.victim, purpose))

    def header(self, purpose: Purpose) -> dict[str, Any]:
        return parts(self.token(purpose))[0]

    def claims(self, purpose: Purpose) -> dict[str, Any]:
        return parts(self.token(purpose))[1]


def key_of(purpose: Purpose) -> Key:
    return get_keyring(purpose).signing


def packed(value: Any) -> bytes:
    """As JSON, or as it is where it is bytes."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def text_of(header: Any, claims: Any) -> str:
    """What is signed."""
    return f"{b64(packed(header))}.{b64(packed(claims))}"


def sign(header: Any, claims: Any, key: Key) -> str:
    """A token signed in earnest."""
    text = text_of(header, claims)
    algorithm: Any = jwt.get_algorithm_by_name(key.algorithm)
    return f"{text}.{b64(algorithm.sign(text.encode(), key.signer))}"


def sign_by_hmac(header: Any, claims: Any, secret: bytes, digest: str = "sha256") -> str:
    """What an attacker makes of any bytes that he takes for a secret."""
    text = text_of(header, claims)
    return f"{text}.{b64(hmac.new(secret, text.encode(), digest).digest())}"


def changed(
    scene: Scene,
    purpose: Purpose,
    *,
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    drop: str | None = None,
    key: Key | None = None,
) -> str:
    """The victim's token with other headers or claims, signed with the real key or another."""
    new_header = {**scene.header(purpose), **(header or {})}
    new_claims = {**scene.claims(purpose), **(claims or {})}
    for part in (new_header, new_claims):
        part.pop(drop or "", None)
    return sign(new_header, new_claims, key or key_of(purpose))


def with_signature(token: str, signature: bytes | str) -> str:
    encoded = signature if isinstance(signature, str) else b64(signature)
    return f"{token.rpartition('.')[0]}.{encoded}"


def signature_of(token: str) -> bytes:
    return unb64(token.rpartition(".")[2])


def spare_bits_set(token: str) -> str:
    """The same signature, spelt with bits set that base64 does not use."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
