"""Device Bound Session Credentials (W3C draft): challenges, and the proofs of a browser.

The browser makes the key, stores it in hardware where it can, and signs challenges of this server.
The headers are structured fields (RFC 9651).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import (
    DeviceChallengeRequiredError,
    InvalidDeviceProofError,
    ProofFault,
)
from refresh_sessions.request_transport import get_transport_name
from refresh_sessions.tokens.claims import to_uuid
from refresh_sessions.tokens.client_keys import ClientKey, has_cryptography
from refresh_sessions.tokens.nonces import NoncePurpose, get_nonce_age, issue_nonce
from refresh_sessions.tokens.proofs import MalformedProofError, Proof, decode_proof

TYP: Final = "dbsc+jwt"

ALGORITHMS: Final = ("ES256", "RS256")
"""The algorithms of the draft, except "none"."""

MAX_CHALLENGE_AGE: Final = timedelta(minutes=5)
"""Also how long after a login or re-authentication a browser can register its key."""

_PROOF_HEADER: Final = "Secure-Session-Response"
_ID_HEADER: Final = "Sec-Secure-Session-Id"

_STRING: Final = re.compile(r'"([^"\\]*)"(?:;.*)?|([^",;\s]+)')
"""A string (RFC 9651 §3.3.3) with ignored parameters, or the bare text of earlier drafts."""


def is_dbsc_enabled(request: HttpRequest | None) -> bool:
    """Whether a browser can register a key: by setting and transport, and with cryptography."""
    enabled = get_settings().DEVICE_BOUND_SESSIONS and has_cryptography()
    return enabled and get_transport_name(request) == "cookie"


def format_registration(path: str, family_id: UUID) -> str:
    """The header ``Secure-Session-Registration`` with a challenge for the family.

    Args:
        path: the path of the registration endpoint.
        family_id: the family that the browser may bind.

    """
    challenge = issue_nonce(NoncePurpose.DBSC_REGISTRATION, str(family_id))
    parameters = f"path={_format_string(path)};challenge={_format_string(challenge)}"
    return f"({' '.join(ALGORITHMS)});{parameters}"


def format_challenge(family_id: UUID) -> str:
    """The header ``Secure-Session-Challenge`` with a new challenge for a bound family."""
    challenge = issue_nonce(NoncePurpose.DBSC_REFRESH, str(family_id))
    return f"{_format_string(challenge)};id={_format_string(str(family_id))}"


def read_session_id(request: HttpRequest) -> UUID | None:
    """The family in the header ``Sec-Secure-Session-Id``, or None without a valid one.

    Scripts and forms cannot send headers with this prefix, so another site cannot either.
    """
    text = _read_string(request, _ID_HEADER)
    try:
        return to_uuid(text)
    except (TypeError, ValueError):
        return None


def has_device_proof(request: HttpRequest) -> bool:
    """Whether the request has the header ``Secure-Session-Response``."""
    return _PROOF_HEADER in request.headers


def verify_registration(request: HttpRequest, family_id: UUID) -> ClientKey:
    """Verify the first proof of a browser, and return its new key.

    Raises:
        InvalidDeviceProofError: the proof is missing, malformed, or answers no challenge that was
            issued for this family within ``MAX_CHALLENGE_AGE``.

    """
    proof = _decode(request, key=None)
    if proof.key.algorithm not in ALGORITHMS:
        raise InvalidDeviceProofError(ProofFault.MALFORMED)
    if not _is_recent(proof, NoncePurpose.DBSC_REGISTRATION, family_id):
        raise InvalidDeviceProofError(ProofFault.CHALLENGE)
    return proof.key


def verify_device_proof(request: HttpRequest, family_id: UUID, key: ClientKey) -> None:
    """Verify that a request has an answer of the key to a recent challenge.

    Raises:
        InvalidDeviceProofError: the proof is malformed or has another key.
        DeviceChallengeRequiredError: the challenge is too old, or was issued for another family.

    """
    proof = _decode(request, key=key)
    # Any recent one: the answers of parallel refreshes may arrive late.
    if not _is_recent(proof, NoncePurpose.DBSC_REFRESH, family_id):
        raise DeviceChallengeRequiredError


def _decode(request: HttpRequest, *, key: ClientKey | None) -> Proof:
    if not has_device_proof(request):
        raise InvalidDeviceProofError(ProofFault.MISSING)
    try:
        return decode_proof(_read_string(request, _PROOF_HEADER) or "", typ=TYP, key=key)
    except MalformedProofError:
        raise InvalidDeviceProofError(ProofFault.MALFORMED) from None


def _is_recent(proof: Proof, purpose: NoncePurpose, family_id: UUID) -> bool:
    challenge = proof.claims.get("jti")
    if not isinstance(challenge, str):
        return False
    age = get_nonce_age(challenge, purpose, str(family_id))
    return age is not None and age <= MAX_CHALLENGE_AGE


def _read_string(request: HttpRequest, header: str) -> str | None:
    match = _STRING.fullmatch(request.headers.get(header, ""))
    return None if match is None else match[1] if match[2] is None else match[2]


def _format_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
