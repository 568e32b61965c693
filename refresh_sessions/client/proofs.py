"""DPoP proofs (RFC 9449): one JWT per request, signed with the key of the session."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from refresh_sessions.client.answers import PROOF_REFUSED, USE_NONCE, parse_date
from refresh_sessions.client.keys import DPoPKey, KeyFile

CORRECTABLE: Final = frozenset({USE_NONCE, PROOF_REFUSED})
"""Codes after which another DPoP proof may be accepted: their answers have nonce and time."""

ALGORITHMS: Final = frozenset({"ES256", "EdDSA", "Ed25519", "RS256", "PS256"})

_MEMBERS: Final = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("e", "n")}
"""The members of a public JWK, from which its thumbprint is made (RFC 7638)."""

_ES256_SIZE: Final = 64

_NONCE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,1024}")

Origin = tuple[str, bytes, int | None]


@dataclass(frozen=True, slots=True)
class _LoadedKey:
    key: DPoPKey
    public: dict[str, str]
    thumbprint: str


class Prover:
    """Makes DPoP proofs, and remembers the nonce and the clock of each server."""

    def __init__(self, key: DPoPKey | str | os.PathLike[str]) -> None:
        """Accept the path of a key file, or a key of the caller.

        Raises:
            ImportError: a key file needs the extra ``crypto``.
            ValueError: the key of the caller is unusable.

        """
        self._open: Callable[[], DPoPKey]
        self._loaded: _LoadedKey | None = None
        if isinstance(key, str | os.PathLike):
            self._source: object = KeyFile(key)
            self._open = self._source.open
        else:
            self._source = given = key
            self._open = lambda: given
            self._loaded = _load(given)
        self._nonces: dict[Origin, str] = {}
        self._offsets: dict[Origin, float] = {}

    def __repr__(self) -> str:
        return f"Prover({self._source!r})"

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""
        return self._key().thumbprint

    def has(self, thumbprint: str) -> bool:
        """Whether the key is this one; a key file is read again before the answer is no."""
        return thumbprint == self._key().thumbprint or thumbprint == self.reload().thumbprint

    def reload(self) -> _LoadedKey:
        """Read the key file again: another process may have replaced it."""
        self._loaded = _load(self._open())
        return self._loaded

    def prove(self, method: str, url: httpx.URL, *, access: str = "") -> str:
        """Return the value of the header ``DPoP`` for one request.

        Args:
            method: the method of the request.
            url: its URL.
            access: the access token, if the request carries one.

        """
        loaded, origin = self._key(), get_origin(url)
        header = {"typ": "dpop+jwt", "alg": loaded.key.algorithm, "jwk": loaded.public}
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": str(url.copy_with(query=None, fragment=None, userinfo=b"")),
            "iat": int(time.time() + self._offsets.get(origin, 0.0)),
        }
        if nonce := self._nonces.get(origin):
            claims["nonce"] = nonce
        if access:
            claims["ath"] = _encode(hashlib.sha256(access.encode()).digest())
        message = f"{_encode(_serialize(header))}.{_encode(_serialize(claims))}"
        signature = loaded.key.sign(message.encode())
        if loaded.key.algorithm == "ES256" and len(signature) != _ES256_SIZE:
            raise ValueError(
                f"sign() of the DPoP key returned {len(signature)} bytes. ES256 signatures have "
                "64 bytes, r before s: convert a DER signature."
            )
        return f"{message}.{_encode(signature)}"

    def learn(self, url: httpx.URL, headers: httpx.Headers, *, uncached: bool) -> None:
        """Remember the nonce of an answer, and the server's clock if no cache has answered."""
        origin, nonce = get_origin(url), headers.get("dpop-nonce", "")
        if _NONCE.fullmatch(nonce):
            self._nonces[origin] = nonce
        if uncached and (date := parse_date(headers.get("date", ""))):
            self._offsets[origin] = date.timestamp() - time.time()

    def _key(self) -> _LoadedKey:
        return self._loaded or self.reload()


def get_origin(url: httpx.URL) -> Origin:
    """Scheme, host and port of a URL; the default port is the same as none."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.raw_host, port


def _load(key: DPoPKey) -> _LoadedKey:
    """Check a key, and read its public members; private ones are never sent.

    Raises:
        ValueError: it has another algorithm, or members are missing.

    """
    jwk: Mapping[str, Any] = key.public_jwk
    kind = jwk.get("kty")
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if key.algorithm not in ALGORITHMS:
        raise ValueError(f"The algorithm of the DPoP key is not one of {sorted(ALGORITHMS)}.")
    if members is None or not all(isinstance(jwk.get(name), str) for name in members):
        raise ValueError("public_jwk of the DPoP key is not a public JWK of kty EC, OKP or RSA.")
    public = {name: str(jwk[name]) for name in ("kty", *members)}
    digest = hashlib.sha256(_serialize(dict(sorted(public.items()))))
    return _LoadedKey(key, public, _encode(digest.digest()))


def _serialize(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
