"""DPoP proofs of a request: a JWT for each request, signed with a key of the client (RFC 9449)."""

from __future__ import annotations

import hashlib
import logging
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NamedTuple

from django.http import HttpRequest

from refresh_sessions.binding.replays import is_first_use
from refresh_sessions.binding.target_uri import TargetURI, get_target_uri, parse_target_uri
from refresh_sessions.burst_log import BurstLog
from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import (
    DPoPNonceRequiredError,
    InvalidDPoPProofError,
    ProofFault,
)
from refresh_sessions.tokens.client_keys import ClientKey, has_cryptography
from refresh_sessions.tokens.nonces import NoncePurpose, get_nonce_age, issue_nonce
from refresh_sessions.tokens.proofs import MalformedProofError, decode_proof

TYP: Final = "dpop+jwt"

MAX_AGE: Final = 60.0
"""Seconds between ``iat`` and the clock of this server, in both directions."""

MAX_NONCE_AGE: Final = timedelta(minutes=5)

_RENEW_NONCE_AFTER: Final = MAX_NONCE_AGE / 2
_MAX_JTI: Final = 512
_ATTRIBUTE: Final = "_refresh_sessions_dpop"

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


class DPoPProof(NamedTuple):
    """A proof that is valid for its request, whatever it was used for."""

    key: ClientKey
    id: str
    """The claim ``jti``."""
    token_digest: object
    """The claim ``ath``: the digest of an access token, or None."""


@dataclass(slots=True)
class _State:
    """What is known of the proof of one request: it is verified and used once."""

    proof: DPoPProof | None = None
    used: bool = False
    nonce: str | None = None
    """The nonce for the response."""


def is_dpop_enabled() -> bool:
    """Whether proofs are read: by ``DPOP``, and with the library ``cryptography``."""
    return get_settings().DPOP != "off" and has_cryptography()


def use_proof(request: HttpRequest | None, *, thumbprint: str = "") -> DPoPProof | None:
    """The verified proof of a request, or None without the header; used once per request.

    Further calls for the same request give the same result.

    Args:
        request: the request with the header ``DPoP``, or None.
        thumbprint: the thumbprint of the required key; empty for any key.

    Raises:
        InvalidDPoPProofError: the proof is malformed, of another request or key, too old or was
            used.
        DPoPNonceRequiredError: ``DPOP_NONCE`` requires a newer nonce.

    """
    if request is None or "HTTP_DPOP" not in request.META:
        return None
    state = _get_state(request)
    if state.proof is None:
        state.proof = _verify(request, request.META["HTTP_DPOP"], state)
    if thumbprint and state.proof.key.thumbprint != thumbprint:
        raise InvalidDPoPProofError(ProofFault.KEY)
    if not state.used:
        _use(state.proof)
        state.used = True
    return state.proof


def verify_other_proof(request: HttpRequest, proof: str) -> DPoPProof:
    """Verify and use a proof of another key for the same request, as for a new token family.

    Raises:
        InvalidDPoPProofError: as ``use_proof``.
        DPoPNonceRequiredError: as ``use_proof``.

    """
    verified = _verify(request, proof, _get_state(request))
    _use(verified)
    return verified


def hash_access_token(token: str) -> str:
    """The value of ``ath`` for an access token (RFC 9449 §4.2)."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def get_nonce_for_response(request: HttpRequest) -> str | None:
    """The nonce for the header ``DPoP-Nonce`` of the response, or None (RFC 9449 §8.2)."""
    state: _State | None = getattr(request, _ATTRIBUTE, None)
    return None if state is None else state.nonce


def offer_nonce(request: HttpRequest | None) -> None:
    """Send a nonce with the response, if ``DPOP_NONCE`` is on and the client lacks one."""
    if request is not None and get_settings().DPOP_NONCE:
        state = _get_state(request)
        state.nonce = state.nonce or issue_nonce(NoncePurpose.DPOP)


def _get_state(request: HttpRequest) -> _State:
    state: _State | None = getattr(request, _ATTRIBUTE, None)
    if state is None:
        state = _State()
        setattr(request, _ATTRIBUTE, state)
    return state


def _use(proof: DPoPProof) -> None:
    if not is_first_use(proof.key.thumbprint, proof.id, timeout=2 * MAX_AGE):
        raise InvalidDPoPProofError(ProofFault.REPLAYED)


def _verify(request: HttpRequest, text: str, state: _State) -> DPoPProof:
    """Verify a proof in the order of RFC 9449 §4.3."""
    try:
        # Servers join repeated headers with a comma, which no JWT contains.
        proof = decode_proof(text, typ=TYP)
    except MalformedProofError:
        raise InvalidDPoPProofError(ProofFault.MALFORMED) from None
    claims = proof.claims
    proof_id = claims.get("jti")
    if not isinstance(proof_id, str) or not 0 < len(proof_id) <= _MAX_JTI:
        raise InvalidDPoPProofError(ProofFault.MALFORMED)
    if claims.get("htm") != request.method:
        raise InvalidDPoPProofError(ProofFault.METHOD)
    _check_url(claims.get("htu"), get_target_uri(request))
    _check_times(claims, time.time())
    _check_nonce(claims.get("nonce"), state)
    return DPoPProof(key=proof.key, id=proof_id, token_digest=claims.get("ath"))


def _check_url(htu: object, expected: TargetURI) -> None:
    try:
        presented = parse_target_uri(htu) if isinstance(htu, str) else None
    except ValueError:
        presented = None
    if presented == expected:
        return
    if presented is not None and presented.path == expected.path:
        burst_logger.warning(
            "The URL of a DPoP proof has another scheme or host than this server sees: %r. "
            "Behind a proxy set SECURE_PROXY_SSL_HEADER and USE_X_FORWARDED_HOST, or "
            "REFRESH_SESSIONS['PUBLIC_ORIGIN'].",
            f"{expected.scheme}://{expected.host}",
        )
    raise InvalidDPoPProofError(ProofFault.URL)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued_at = _read_time(claims, "iat")
    if issued_at is None or abs(issued_at - now) > MAX_AGE:
        raise InvalidDPoPProofError(ProofFault.TIME)
    expires_at, not_before = _read_time(claims, "exp"), _read_time(claims, "nbf")
    if (expires_at is not None and expires_at <= now) or (
        not_before is not None and not_before > now + MAX_AGE
    ):
        raise InvalidDPoPProofError(ProofFault.TIME)


def _read_time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate, which may have a fraction (RFC 7519 §2), or None without the claim."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise InvalidDPoPProofError(ProofFault.MALFORMED)
    try:
        return float(value)
    except OverflowError:
        raise InvalidDPoPProofError(ProofFault.TIME) from None


def _check_nonce(nonce: object, state: _State) -> None:
    if not get_settings().DPOP_NONCE:
        return
    age = get_nonce_age(nonce, NoncePurpose.DPOP) if isinstance(nonce, str) else None
    if age is None or age > _RENEW_NONCE_AFTER:
        state.nonce = issue_nonce(NoncePurpose.DPOP)
    if age is None or age > MAX_NONCE_AGE:
        raise DPoPNonceRequiredError
