"""Services that may ask about tokens: known by name and secret, not people."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from typing import Final

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.hidden import hide
from refresh_sessions.rest_framework.exceptions import InvalidClientError

_NOBODY: Final = "0" * 64
"""No secret has this digest; comparing with it takes as long as with any other."""


@sensitive_variables()
def require_client(request: HttpRequest) -> str:
    """Say which of ``INTROSPECTION_CLIENTS`` sent the request, by HTTP Basic (RFC 6749 §2.3.1).

    Raises:
        InvalidClientError: none of them did.

    """
    name, secret = _credentials(request)
    known = get_settings().INTROSPECTION_CLIENTS.get(name, _NOBODY)
    # Made by us with 256 random bits, a secret needs neither salt nor stretching.
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if not constant_time_compare(digest, known):
        raise InvalidClientError
    return name


def _credentials(request: HttpRequest) -> tuple[str, str]:
    header = hide(request.META.get("HTTP_AUTHORIZATION", ""))
    scheme, _, encoded = map(hide, header.partition(" "))
    if scheme.lower() != "basic":
        raise InvalidClientError
    try:
        decoded = hide(b64decode(encoded, validate=True).decode())
    except ValueError:
        raise InvalidClientError from None
    name, separator, secret = map(hide, decoded.partition(":"))
    if not separator:
        raise InvalidClientError
    return name, secret
