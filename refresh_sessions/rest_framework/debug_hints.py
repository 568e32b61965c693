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
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.lookups import canonical_username, username_field
from refresh_sessions.redaction import hide_within
from refresh_sessions.tokens import access_tokens, refresh_tokens

_Body = Mapping[str, Any]

_WRITE: Final = "write 'Authorization: Bearer <access token>'"
_SCHEMES: Final = {"jwt": "JWT", "token": "Token", "basic": "Basic"}
"""Schemes of other packages' clients, with the spelling for a hint."""
_EMPTY: Final = frozenset({"null", "undefined", "none", "nan"})
"""Texts that client programs send for an empty variable."""


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
        if (
            django_settings.DEBUG
            and code == "token_not_valid"
            and (hint := _explain_bearer(request))
        ):
            detail["hint"] = hint
        raise


def _explain_bearer(request: Request) -> str | None:
    scheme, *words = _authorization(request) or [""]
    return _explain_access_token(words) if scheme.lower() == "bearer" else None


@sensitive_variables()
def _explain_access_token(words: list[str]) -> str | None:
    """Explain a mistake in the header's words after the scheme."""
    first = words[0].lower() if words else ""
    if not words or first == "bearer" or len(words) > 1:
        return f"The header must contain the scheme and one token: {_WRITE}."
    if first in _EMPTY:
        return "The client sent the text of an empty variable instead of the access token."
    if first != first.strip("\"'<>,;"):
        return f"The token is enclosed in quotes, brackets or commas: {_WRITE}."
    try:
        refresh_tokens.verify(words[0])
    except InvalidTokenError:
        return None
    return (
        "This is a refresh token. Send the access token in the header, and the refresh token to "
        f'refresh/ in the field "{get_settings().field_name("refresh")}".'
    )


def _explain_missing_token(request: Request, view: Any, error: _Body) -> str | None:
    parts = _authorization(request)
    if not parts:
        return None
    scheme = parts[0].lower()
    if scheme == "bearer":
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
}
