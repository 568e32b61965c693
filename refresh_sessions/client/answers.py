"""Answers: parse the responses of the endpoints, and translate refusals into errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

import httpx

from refresh_sessions.client.errors import (
    LoginRequiredError,
    ReauthenticationRequiredError,
    SessionAuthError,
    TransientError,
    UnexpectedAnswerError,
)
from refresh_sessions.redaction import hide_within

COMPANION_NAMES: Final = ("__Host-refresh_companion", "refresh_companion")

TRANSIENT_STATUSES: Final = frozenset({408, 409, 425, 429, *range(500, 600)})

TOKEN_REFUSED: Final = "token_not_valid"  # noqa: S105

ENDED: Final = {
    "token_not_valid": "The server does not accept the tokens",
    "session_revoked": "The session was revoked",
    "session_expired": "The session has expired",
}
"""Codes after which the tokens are of no use."""

COMPANION_MISSING: Final = "device_proof_required"

USE_NONCE: Final = "use_dpop_nonce"
PROOF_REFUSED: Final = "invalid_dpop_proof"
BINDING_REQUIRED: Final = "binding_required"

_BINDING_REFUSED: Final = {
    USE_NONCE: "The server has refused the nonce that it has sent for {}. Check its clock.",
    PROOF_REFUSED: (
        "The server refuses the DPoP proof of {}. If the session is bound to a key, give that key "
        "as the argument dpop. Otherwise compare base_url with the public address that the server "
        "knows, and the clock of the server with its header Date."
    ),
    BINDING_REQUIRED: (
        "The server requires a session that is bound to a key at {}. Give the argument dpop. If "
        "it is given, the server does not accept DPoP: change its settings."
    ),
}

_LOGIN_REFUSED: Final = {
    "no_active_account": "The server refused the user name or the password. Correct them.",
    "mfa_required": "The login needs a second factor. Give the argument second_factor.",
    "second_factor_failed": "The server refused the second factor. Log in again.",
    "ticket_not_valid": "The login has taken too long. Log in again.",
}

_REAUTHENTICATION_REFUSED: Final = {
    "reauthentication_failed": "The server refused the re-authentication. Correct the password.",
    "proof_incomplete": "The re-authentication needs another factor. Give both.",
}

_CHALLENGES: Final = {
    "insufficient_user_authentication": "reauthentication_required",
    USE_NONCE: USE_NONCE,
    PROOF_REFUSED: PROOF_REFUSED,
    "invalid_token": TOKEN_REFUSED,
}

_CODE: Final = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that was read completely."""

    endpoint: str
    status: int
    headers: httpx.Headers
    content: bytes

    def __repr__(self) -> str:
        return f"Answer({self.endpoint!r}, {self.status})"

    @property
    def json(self) -> Any:
        """The parsed body, or None if it is not JSON."""
        return _parse(self.content)

    @property
    def code(self) -> str:
        """The ``code`` of an error, or an empty string."""
        return read_code(self.json)

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES

    @property
    def retry_after(self) -> float | None:
        """The seconds of ``Retry-After``, measured by the server's clock."""
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}", value):
            return float(value)
        until, now = parse_date(value), self.date
        return max((until - now).total_seconds(), 0.0) if until and now else None

    @property
    def date(self) -> datetime | None:
        """The server's clock."""
        return parse_date(self.headers.get("date", ""))

    @property
    def companion(self) -> str | None:
        """The companion cookie that the answer sets; "" if it deletes it, None without one."""
        found = None
        for header in self.headers.get_list("set-cookie"):
            try:
                cookie = SimpleCookie(header)
            except CookieError:
                continue
            for name in COMPANION_NAMES:
                if name in cookie:
                    deleted = not cookie[name].value or cookie[name]["max-age"] == "0"
                    found = "" if deleted else f"{name}={cookie[name].value}"
        return found

    def raise_for_refusal(self) -> None:
        """Raise an error unless the request succeeded."""
        if self.is_transient:
            raise TransientError(
                f"The server cannot answer {self.endpoint} now ({self._summary}). Try again "
                "later; the tokens are kept.",
                code=self.code or f"http_{self.status}",
                status=self.status,
                retry_after=self.retry_after,
            )
        if not httpx.codes.is_success(self.status):
            raise self._refusal()

    def read_object(self) -> dict[str, Any]:
        """The JSON object of a successful answer, whose strings have a masked repr."""
        self.raise_for_refusal()
        if isinstance(body := hide_within(self.json), dict):
            return body
        if self.content.lstrip().startswith(b"{"):
            raise TransientError(
                f"The answer of {self.endpoint} is cut off. Try again later; the tokens are kept.",
                code="cut_off",
                status=self.status,
            )
        raise UnexpectedAnswerError(
            f"The answer of {self.endpoint} is not JSON. Set base_url to the address at which the "
            "project includes refresh_sessions.urls. The tokens are kept.",
            code="not_json",
            status=self.status,
        )

    @property
    def _summary(self) -> str:
        return f"{self.status} {self.code}".strip()

    def _refusal(self) -> SessionAuthError:
        code, status = self.code, self.status
        if code in ENDED:
            return session_ended(code, status)
        if code == COMPANION_MISSING:
            return LoginRequiredError(
                "The storage lacks the companion cookie of the session. Log in again.",
                code=code,
                status=status,
            )
        if code in _LOGIN_REFUSED:
            return LoginRequiredError(_LOGIN_REFUSED[code], code=code, status=status)
        if code == "reauthentication_required":
            return reauthentication_required()
        if code in _REAUTHENTICATION_REFUSED:
            text = _REAUTHENTICATION_REFUSED[code]
            return ReauthenticationRequiredError(text, code=code, status=status)
        return self._unexpected()

    def _unexpected(self) -> UnexpectedAnswerError:
        code = self.code or f"http_{self.status}"
        text = (
            f"The server refused {self.endpoint} ({self._summary}). Compare the request with the "
            "endpoints of the server, and base_url and field_names with its settings."
        )
        if code in _BINDING_REFUSED:
            text = _BINDING_REFUSED[code].format(self.endpoint)
        elif code == "not_authenticated":
            text = (
                f"{self.endpoint} has not found the token in the request. Set field_names to the "
                "FIELD_NAMES of the server, and do not use its cookie transport."
            )
        elif httpx.codes.is_redirect(self.status):
            code = "redirect"
            text = (
                f"{self.endpoint} answered with a redirect to {_without_query(self.headers)}. "
                "Tokens are not sent there: set base_url to the final address."
            )
        return UnexpectedAnswerError(f"{text} The tokens are kept.", code=code, status=self.status)


def session_ended(code: str, status: int) -> LoginRequiredError:
    """Return the error for a session that the server has ended."""
    return LoginRequiredError(f"{ENDED[code]}. Log in again.", code=code, status=status)


def companion_refused(status: int) -> TransientError:
    """Return the error for a companion cookie that the server may accept later."""
    return TransientError(
        "The server does not accept the companion cookie of the session now. Try again later; "
        "the tokens are kept.",
        code=COMPANION_MISSING,
        status=status,
    )


def binding_required() -> LoginRequiredError:
    """Return the error for a request that needs a session bound to the key of the client."""
    return LoginRequiredError(
        "The request needs a session that is bound to the key, and this session began without it. "
        "Log in again.",
        code=BINDING_REQUIRED,
        status=httpx.codes.FORBIDDEN,
    )


def key_lost() -> LoginRequiredError:
    """Return the error for a session that is bound to a key which the client does not have."""
    return LoginRequiredError(
        "The session is bound to another key than that of the argument dpop. If the old key is "
        "lost, its tokens are of no use: log in again.",
        code="key_lost",
    )


def reauthentication_required() -> ReauthenticationRequiredError:
    """Return the error for a request that needs a re-authentication."""
    return ReauthenticationRequiredError(
        "The request needs a recent re-authentication. Give the argument reauthentication, or "
        "call reauthenticate() first.",
        code="reauthentication_required",
        status=httpx.codes.UNAUTHORIZED,
    )


def read_code(body: object) -> str:
    """The ``code`` of a parsed body, or an empty string."""
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def read_challenge(response: httpx.Response) -> str:
    """The code of a refusal of any view, from its body or its challenge (RFC 6750, 9449, 9470)."""
    if code := read_code(_parse(response.content)):
        return code
    challenge = response.headers.get("www-authenticate", "")
    codes = [code for error, code in _CHALLENGES.items() if f'error="{error}"' in challenge]
    return codes[0] if codes else ""


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def parse_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # A zone "-0000" gives a naive datetime.
    return date if date.tzinfo else None


def _without_query(headers: httpx.Headers) -> str:
    """The address of a redirect, without parts that may contain tokens."""
    try:
        url = httpx.URL(headers.get("location", ""))
    except httpx.InvalidURL:
        return "an invalid address"
    return str(url.copy_with(query=None, fragment=None, userinfo=b"")) or "no address"
