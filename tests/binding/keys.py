"""Keys of clients, and the DPoP proofs that they sign, genuine or not."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt

from refresh_sessions.binding.dpop import hash_access_token
from tests.unit.forge import b64

GENUINE = "a genuine proof of the client's own key"
"""The default of requests."""

ORIGIN = "http://testserver"


@cache
def _generate(algorithm: str, number: int) -> Any:
    """A private key; equal arguments give the same key."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ES384":
        return ec.generate_private_key(ec.SECP384R1())
    if algorithm in {"EdDSA", "Ed25519"}:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048 if number < 9 else 1024)


@dataclass(frozen=True)
class ClientKey:
    """A private key of a client."""

    algorithm: str = "ES256"
    number: int = 0

    @property
    def private(self) -> Any:
        return _generate(self.algorithm, self.number)

    @property
    def signer(self) -> Any:
        name = "EdDSA" if self.algorithm == "Ed25519" else self.algorithm
        return jwt.get_algorithm_by_name(name)

    @property
    def public_jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = self.signer.to_jwk(self.private.public_key(), as_dict=True)
        return {name: jwk[name] for name in ("kty", "crv", "x", "y", "e", "n") if name in jwk}

    @property
    def private_jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = self.signer.to_jwk(self.private, as_dict=True)
        return jwk

    def sign(self, header: Any, payload: Any) -> str:
        """A compact JWS with any header and payload, each as bytes or as a JSON value."""
        signing_input = ".".join(
            b64(part if isinstance(part, bytes) else json.dumps(part).encode())
            for part in (header, payload)
        )
        signature = self.signer.sign(signing_input.encode(), self.private)
        return f"{signing_input}.{b64(signature)}"

    def header(self, **changes: Any) -> dict[str, Any]:
        return _changed(
            {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.public_jwk}, changes
        )

    def proof(
        self,
        path: str,
        *,
        method: str = "POST",
        access: str | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A proof for a request to ``path`` below ``/auth/``.

        Args:
            path: the path; a whole URL or another absolute path stay as they are.
            method: the method of the request.
            access: the access token of the request, for ``ath``.
            header: members of the header to replace, or to remove if the value is None.
            changes: claims to replace, or to remove if the value is None.

        """
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": to_url(path),
            "iat": int(time.time()),
        }
        if access is not None:
            claims["ath"] = hash_access_token(access)
        return self.sign(self.header(**(header or {})), _changed(claims, changes))


def to_url(path: str) -> str:
    if "://" in path:
        return path
    return f"{ORIGIN}{path}" if path.startswith("/") else f"{ORIGIN}/auth/{path}"


def _changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in {**members, **changes}.items() if v is not None}


@dataclass
class BoundClient:
    """A client with a key and stored tokens, which sends a proof with each request."""

    api: Any
    key: ClientKey = field(default_factory=ClientKey)
    refresh_token: str = ""
    access: str = ""
    scheme: str = "Bearer"
    nonce: str | None = None

    def log_in(self, credentials: dict[str, str], **options: Any) -> Any:
        return self.store(self.post("login/", credentials, **options))

    def refresh(self, token: str | None = None, **options: Any) -> Any:
        body = {"refresh": token or self.refresh_token}
        return self.store(self.post("refresh/", body, **options))

    def store(self, answer: Any) -> Any:
        if 200 <= answer.status_code < 300 and answer.content:
            body = answer.json()
            self.refresh_token = body.get("refresh", self.refresh_token)
            self.access = body.get("access", self.access)
            self.scheme = body.get("token_type", "Bearer")
        self.nonce = answer.get("DPoP-Nonce", self.nonce)
        return answer

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request with the proof of this key, or with ``proof`` (None: without one)."""
        return self.request("post", path, body, **options)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        proof: str | None = GENUINE,
        with_access: bool = False,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Any:
        headers = dict(headers or {})
        if with_access:
            headers["authorization"] = f"{self.scheme} {self.access}"
        if proof is GENUINE:
            proof = self.key.proof(
                path,
                method=method.upper(),
                access=self.access if self.scheme == "DPoP" and with_access else None,
                nonce=self.nonce,
            )
        if proof is not None:
            headers["dpop"] = proof
        url = path if path.startswith("/") else f"/auth/{path}"
        if body is not None:
            options = {"data": json.dumps(body), "content_type": "application/json", **options}
        return getattr(self.api, method)(url, headers=headers, **options)
