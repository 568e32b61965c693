"""Hints for developers about likely mistakes of a client; only with ``DEBUG``.

A hint contains fixed text, names of settings and names of fields. It never repeats a value of the
request, so it cannot contain a token or a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db.models import EmailField
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError, ProofFault
from refresh_sessions.lookups import canonical_username, username_field
from refresh_sessions.redaction import hide_within
from refresh_sessions.tokens import access_tokens, refresh_tokens

_Body = Mapping[str, Any]

_WRITE: Final = "write 'Authorization: Bearer <access token>'"
_SCHEMES: Final = {"jwt": "JWT", "token": "Token", "basic": "Basic"}
"""Schemes of other packages' clients, with the spelling for a hint."""
_EMPTY: Final = frozenset({"null", "undefined", "none", "nan"})
"""Texts that client programs send for an empty variable."""

_PROOF_HINTS: Final[Mapping[str, str]] = {
    ProofFault.MISSING: "The session was bound to a key at its login. Send a proof of that key in "
    "the header DPoP with each request that has its refresh token or bound access token.",
    ProofFault.MALFORMED: "The header DPoP must contain one JWT of at most 4096 characters, with "
    '"typ": "dpop+jwt", the public key in "jwk", its algorithm in "alg" (ES256, EdDSA, PS256 or '
    'RS256), a "jti", and a signature with the private key.',
    ProofFault.METHOD: 'The claim "htm" must be the method of this request in capital letters.',
    ProofFault.URL: 'The claim "htu" must be the URL of this request without query and fragment. '
    "Behind a proxy, the server may see another scheme or host than the client: set "
    "PUBLIC_ORIGIN in REFRESH_SESSIONS, or SECURE_PROXY_SSL_HEADER and USE_X_FORWARDED_HOST.",
    ProofFault.TIME: 'The claim "iat" must be within a minute of the clock of the server, in '
    "seconds and not milliseconds. If the clock of the client is wrong, correct it with the "
    "response header Date.",
    ProofFault.REPLAYED: 'This proof was used before. Make a proof with a new "jti" for each '
    "request and for each retry.",
    ProofFault.KEY: "The proof is of another key than the one at login. Use one key for all "
    "requests of a session; if the key is lost, log in again.",
    ProofFault.ACCESS_TOKEN: 'The claim "ath" must be the SHA-256 digest of the access token in '
    "the Authorization header, in base64url without padding.",
}
"""By ``reason``."""


def add_hint(response: Response, request: Request, view: Any) -> None:
    """Add ``hint`` to the body of an error if a likely mistake is known."""
    body: Any = response.data
    if not django_settings.DEBUG or not isinstance(body, dict) or "hint" in body:
        return
    explain = _EXPLANATIONS.get(str(body.get("code")), _no_hint)
    if (hint := explain(request, view, body)) is not None:
        body["hint"] = hint


@contextmanager
def add_bearer_hint(request: Request) -> Iterator[None]:
    """Add the hint to the exception itself, for projects with their own exception handler."""
    try:
        yield
    except APIException as error:
        detail: Any = error.detail
        code = detail.get("code") if isinstance(detail, dict) else None
        explain = _OF_AUTHENTICATION.get(str(code), _no_hint)
        if django_settings.DEBUG and (hint := explain(request, None, detail)) is not None:
            detail["hint"] = hint
        raise


def _explain_bearer(request: Request, view: Any = None, error: _Body | None = None) -> str | None:
    scheme, *words = _authorization(request) or [""]
    match scheme.lower():
        case "bearer":
            return _explain_access_token(words)
        case "dpop" if words and _is_bound(words[0]) is False:
            return f"This access token is not bound to a key: {_WRITE}."
        case _:
            return None


@sensitive_variables()
def _explain_access_token(words: list[str]) -> str | None:
    """Explain a mistake in the header's words after the scheme ``Bearer``."""
    first = words[0].lower() if words else ""
    if not words or first == "bearer" or len(words) > 1:
        return f"The header must contain the scheme and one token: {_WRITE}."
    if first in _EMPTY:
        return "The client sent the text of an empty variable instead of the access token."
    if first != first.strip("\"'<>,;"):
        return f"The token is enclosed in quotes, brackets or commas: {_WRITE}."
    if _is_bound(words[0]):
        return (
            "This access token is bound to a key of the client: write 'Authorization: DPoP "
            "<access token>', and send a proof in the header DPoP."
        )
    try:
        refresh_tokens.verify(words[0])
    except InvalidTokenError:
        return None
    return (
        "This is a refresh token. Send the access token in the header, and the refresh token to "
        f'refresh/ in the field "{get_settings().field_name("refresh")}".'
    )


@sensitive_variables()
def _is_bound(token: str) -> bool | None:
    """Whether an access token is bound to a key; None if it is not a valid access token."""
    try:
        return bool(access_tokens.verify(token, allow_expired=True).key_thumbprint)
    except InvalidTokenError:
        return None


def _explain_missing_token(request: Request, view: Any, error: _Body) -> str | None:
    parts = _authorization(request)
    if not parts:
        return None
    scheme = parts[0].lower()
    if scheme in {"bearer", "dpop"}:
        return "This endpoint does not read the Authorization header."
    if len(parts) == 1:
        return f"The token has no scheme: {_WRITE}."
    other = f", not '{_SCHEMES[scheme]}'" if scheme in _SCHEMES else ""
    return f"The scheme is 'Bearer'{other}: {_WRITE}."


@sensitive_variables()
def _explain_invalid_token(request: Request, view: Any, error: _Body) -> str | None:
    # The cached property of the view, if the view has read it.
    presented = getattr(view, "__dict__", {}).get("presented_token")
    if presented is None:
        return _explain_bearer(request)
    try:
        access_tokens.verify(presented, allow_expired=True)
    except InvalidTokenError:
        return None
    return "This is an access token; this endpoint takes the refresh token."


def _explain_credentials(request: Request, view: Any, error: _Body) -> str | None:
    given = canonical_username(_request_data(request).get(get_settings().field_name("username")))
    if not isinstance(given, str) or ("@" in given) == _username_is_email():
        return None
    sent, remedy = (
        ("not an email address", "Send an email address.")
        if _username_is_email()
        else (
            "an email address",
            "Send the user name, or add a backend that finds users by email address.",
        )
    )
    return (
        f"The user name in the request is {sent}; Django's ModelBackend searches the field "
        f'"{get_user_model().USERNAME_FIELD}" of the user model. {remedy}'
    )


def _explain_invalid_input(request: Request, view: Any, error: _Body) -> str | None:
    field, name = get_settings().field_name("username"), get_user_model().USERNAME_FIELD
    sent = _request_data(request)
    if field not in error.get("errors", ()) or field in sent:
        return None
    if not sent.keys() & {"username", "email", name}:
        return None
    return (
        f'Send the user name in the field "{field}"; FIELD_NAMES in REFRESH_SESSIONS can rename '
        f'it. Django\'s ModelBackend searches the field "{name}" of the user model.'
    )


def _no_hint(request: Request, view: Any, error: _Body) -> None:
    return None


def _explain_proof(request: Request, view: Any, error: _Body) -> str | None:
    return _PROOF_HINTS.get(str(error.get("reason")))


def _explain_nonce(request: Request, view: Any, error: _Body) -> str:
    return (
        'Repeat the request once, with a new proof whose claim "nonce" is the value of the '
        "response header DPoP-Nonce. For a front end on another origin, the header must be in "
        "Access-Control-Expose-Headers."
    )


def _explain_binding(request: Request, view: Any, error: _Body) -> str:
    return (
        "DPOP is 'require' in REFRESH_SESSIONS, or the policy's require_binding() is True for "
        "this user: send a DPoP proof with the login. A session cannot be bound later."
    )


def _explain_cross_site(request: Request, view: Any, error: _Body) -> str | None:
    return "If the front end is your own, add its origin to CSRF_TRUSTED_ORIGINS."


def _username_is_email() -> bool:
    field, model = username_field(), get_user_model()
    return isinstance(field, EmailField) or field.name == model.get_email_field_name()


def _request_data(request: Request) -> _Body:
    return request.data if isinstance(request.data, Mapping) else {}


def _authorization(request: Request) -> list[str]:
    words: list[str] = hide_within(str(request.META.get("HTTP_AUTHORIZATION", "")).split())
    return words


_EXPLANATIONS: Final[Mapping[str, Callable[[Request, Any, _Body], str | None]]] = {
    "not_authenticated": _explain_missing_token,
    "token_not_valid": _explain_invalid_token,
    "no_active_account": _explain_credentials,
    "invalid": _explain_invalid_input,
    "csrf_failed": _explain_cross_site,
    "invalid_dpop_proof": _explain_proof,
    "use_dpop_nonce": _explain_nonce,
    "binding_required": _explain_binding,
}

_OF_AUTHENTICATION: Final[Mapping[str, Callable[[Request, Any, _Body], str | None]]] = {
    "token_not_valid": _explain_bearer,
    "invalid_dpop_proof": _explain_proof,
    "use_dpop_nonce": _explain_nonce,
}
"""Explanations of errors that authentication raises, before there is a view's response."""
