"""DPoP in the OpenAPI schema: headers, reasons of refusals and the security scheme (RFC 9449)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter

from refresh_sessions.conf import get_settings

PROOF_REASONS: Final[Mapping[int, str]] = {
    400: " `invalid_dpop_proof` or `use_dpop_nonce` in `error`: as below.",
    401: " `invalid_dpop_proof`: the proof in the header `DPoP` is missing or invalid, see "
    "`reason`; keep the tokens. `use_dpop_nonce`: repeat the request with a proof that has the "
    "nonce of the response header `DPoP-Nonce`.",
    403: " `binding_required`: the account requires a session that is bound to a key.",
}
"""What ``code`` can be in addition, for operations that take a proof."""

SCHEME: Final[Mapping[str, Any]] = {
    "type": "http",
    "scheme": "dpop",
    "description": "An access token that is bound to a key of the client, with a proof in the "
    "header `DPoP` (RFC 9449 §7.1).",
}


def are_proofs_read() -> bool:
    """Whether the endpoints read proofs, according to the settings."""
    return get_settings().DPOP != "off"


def are_access_tokens_bound() -> bool:
    """Whether access tokens can be bound to a key."""
    return are_proofs_read() and get_settings().DPOP_ACCESS_TOKENS


def proof_headers() -> Iterator[OpenApiParameter]:
    """The headers of an operation that takes a proof."""
    yield OpenApiParameter(
        "DPoP",
        str,
        OpenApiParameter.HEADER,
        description="A DPoP proof of the client's key (RFC 9449). A login with a proof binds the "
        "session to the key; requests with its tokens then require a proof of that key.",
    )
    if get_settings().DPOP_NONCE:
        yield OpenApiParameter(
            "DPoP-Nonce",
            str,
            OpenApiParameter.HEADER,
            description="The nonce for the next proof, if the client needs a newer one.",
            response=True,
        )
