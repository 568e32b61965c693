"""The model server with DPoP: it binds sessions, and verifies each DPoP proof strictly."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from typing import Any

import httpx
import jwt

from tests.python_client.model_server import ModelServer
from tests.python_client.simulated_clock import SimulatedClock

ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]

MEMBERS = {"EC": {"kty", "crv", "x", "y"}, "OKP": {"kty", "crv", "x"}, "RSA": {"kty", "e", "n"}}

PROVEN = {"/auth/refresh/", "/auth/logout/", "/auth/reauthenticate/"}

VERIFIER = jwt.PyJWS(ALGORITHMS)
# The name of RFC 9864, which PyJWT does not know.
VERIFIER.register_algorithm("Ed25519", jwt.get_algorithm_by_name("EdDSA"))

CLAIMS = {"jti", "htm", "htu", "iat"}


class DPoPServer(ModelServer):
    """Binds the session of a login with a DPoP proof.

    Args:
        clock: the clock of server and client.
        access_tokens: whether access tokens are bound as well.
        nonces: whether each DPoP proof needs a nonce, which changes each minute.
        enabled: False ignores the header, as a server without the feature does.

    """

    def __init__(
        self,
        clock: SimulatedClock,
        *,
        access_tokens: bool = False,
        nonces: bool = False,
        enabled: bool = True,
    ) -> None:
        super().__init__(clock)
        self.access_tokens, self.nonces, self.enabled = access_tokens, nonces, enabled
        self.key: str | None = None
        """The thumbprint of the session's key."""
        self.used: set[str] = set()
        self.refusals: Counter[str] = Counter()
        """Why DPoP proofs were refused."""
        self.accepted = 0
        self.misuses = 0
        """Requests with tokens of a bound session and another key or none."""

    @property
    def nonce(self) -> str:
        return f"nonce-{int(self.clock.now // 60)}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        response = self._verify_and_answer(request)
        offered = response.status_code != 401 or b"use_dpop_nonce" in response.content
        if self.nonces and offered and "dpop" in request.headers:
            response.headers["DPoP-Nonce"] = self.nonce
        return response

    def _verify_and_answer(self, request: httpx.Request) -> httpx.Response:
        path, shown = request.url.path, request.headers.get_list("dpop")
        if not self.enabled:
            return super()._answer(request)
        if path == "/auth/login/":
            return self._bind(request) if shown else self._log_in_unbound(request)
        if path == "/bound/" and self.key is None:
            return self.refuse(403, "binding_required")
        access = request.headers.get("authorization", "").partition(" ")[2]
        by_access_token = path == "/auth/logout/" and b"refresh" not in request.content
        needs_proof = (path in PROVEN and not by_access_token) or (
            self.scheme == "DPoP" and access
        )
        if self.key is not None and needs_proof:
            reason, thumbprint = self._verify(request, access if self.access_tokens else "")
            if reason:
                self.misuses += not shown
                return self._refuse_proof(reason)
            if thumbprint != self.key:
                self.misuses += 1
                return self._refuse_proof("key")
        return super()._answer(request)

    def _bind(self, request: httpx.Request) -> httpx.Response:
        reason, thumbprint = self._verify(request, "")
        if reason:
            return self._refuse_proof(reason)
        self.fields = {"session": {"bound": "dpop"}}
        if self.access_tokens:
            self.scheme = self.fields["token_type"] = "DPoP"
        response = super()._answer(request)
        if response.status_code == 200:
            self.key = thumbprint
        return response

    def _log_in_unbound(self, request: httpx.Request) -> httpx.Response:
        self.fields, self.scheme, self.key = {"session": {"bound": None}}, "Bearer", None
        return super()._answer(request)

    def _refuse_proof(self, reason: str) -> httpx.Response:
        self.refusals[reason] += 1
        code = "use_dpop_nonce" if reason == "nonce" else "invalid_dpop_proof"
        challenge = {"WWW-Authenticate": f'DPoP error="{code}", algs="{" ".join(ALGORITHMS)}"'}
        return self.refuse(401, code, headers=challenge)

    def _verify(self, request: httpx.Request, access: str) -> tuple[str, str]:
        """Why the DPoP proof is refused, or an empty string; and the thumbprint of its key."""
        shown = request.headers.get_list("dpop")
        if len(shown) != 1 or not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", shown[0], re.ASCII):
            return "form", ""
        header = jwt.get_unverified_header(shown[0])
        jwk = header.get("jwk", {})
        if header.keys() != {"typ", "alg", "jwk"} or jwk.keys() != MEMBERS.get(jwk.get("kty")):
            return "header", ""
        if header["typ"] != "dpop+jwt" or header["alg"] not in ALGORITHMS or len(shown[0]) > 4096:
            return "header", ""
        try:
            key = jwt.PyJWK(jwk, algorithm=header["alg"].replace("Ed25519", "EdDSA")).key
            claims = json.loads(VERIFIER.decode(shown[0], key, algorithms=[header["alg"]]))
        except jwt.PyJWTError:
            return "signature", ""
        return self._check_claims(claims, request, access), thumbprint_of(jwk)

    def _check_claims(self, claims: dict[str, Any], request: httpx.Request, access: str) -> str:
        expected = CLAIMS | ({"nonce"} if self.nonces else set()) | ({"ath"} if access else set())
        known = {f"nonce-{int(self.clock.now // 60) - age}" for age in (0, 1)}
        url = str(request.url.copy_with(query=None, fragment=None))
        checks = {
            "htm": claims["htm"] == request.method,
            "htu": claims["htu"] == url,
            "iat": isinstance(claims["iat"], int) and abs(claims["iat"] - self.clock.now) <= 60,
            "nonce": not self.nonces or claims.get("nonce") in known,
            "jti": len(claims["jti"]) >= 16 and claims["jti"] not in self.used,
            "ath": not access or claims.get("ath") == digest_of(access.encode()),
            "claims": claims.keys() == expected,
        }
        failed = [name for name, valid in checks.items() if not valid]
        if not failed:
            self.used.add(claims["jti"])
            self.accepted += 1
        return failed[0] if failed else ""


def digest_of(value: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(value).digest()).rstrip(b"=").decode()


def thumbprint_of(jwk: dict[str, str]) -> str:
    """The thumbprint of a public key (RFC 7638)."""
    return digest_of(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode())
