"""Forged tokens, built by hand."""

import base64
import hmac
import json
from typing import Any

from refresh_sessions.tokens.keys import Purpose, get_keyring


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token, unverified."""
    header, payload, _ = token.split(".")
    return json.loads(unb64(header)), json.loads(unb64(payload))


def sign(header: Any, claims: Any, *, secret: bytes, algorithm: str = "sha256") -> str:
    """Encode and sign the given header and claims."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(hmac.new(secret, text.encode(), algorithm).digest())}"


def remake(token: str, purpose: Purpose, *, header=None, claims=None, drop=()) -> str:
    """Return the token with other headers or claims, signed with the real key."""
    old_header, old_claims = parts(token)
    changed = {**old_claims, **(claims or {})}
    for name in drop:
        del changed[name]
    secret = get_keyring(purpose).signing.secret
    assert isinstance(secret, bytes), "for asymmetric keys there is tests.forgery.tokens"
    return sign({**old_header, **(header or {})}, changed, secret=secret)
