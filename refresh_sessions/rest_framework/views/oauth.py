"""``introspect/`` (RFC 7662), ``revoke/`` (RFC 7009) and ``token/`` (RFC 6749 §6)."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.redaction import hide
from refresh_sessions.rest_framework.exceptions import (
    InvalidClientError,
    InvalidRequestError,
    UnsupportedGrantTypeError,
    add_oauth_error,
)
from refresh_sessions.rest_framework.parsers import StrictFormParser, StrictJSONParser
from refresh_sessions.rest_framework.views.base import SessionsAPIView
from refresh_sessions.rest_framework.views.tokens import RefreshView
from refresh_sessions.sessions import (
    TokenPair,
    introspect_access_token,
    introspect_refresh_token,
    log_out,
)
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims

_NO_CLIENT: Final = "0" * 64
"""A digest without a secret: the comparison for an unknown client takes equal time."""


@sensitive_variables()
def require_client(request: HttpRequest) -> str:
    """Authenticate one of ``INTROSPECTION_CLIENTS`` with HTTP Basic (RFC 6749 §2.3.1).

    Returns:
        The name of the client.

    Raises:
        InvalidClientError: the credentials are missing or wrong.

    """
    name, secret = _basic_credentials(request)
    known = get_settings().INTROSPECTION_CLIENTS.get(name, _NO_CLIENT)
    # A generated secret of 256 random bits needs neither salt nor stretching.
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if not constant_time_compare(digest, known):
        raise InvalidClientError
    return name


def _basic_credentials(request: HttpRequest) -> tuple[str, str]:
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


@sensitive_variables()
def require_parameter(body: Mapping[str, Any], name: str) -> str:
    """A parameter of a request.

    Raises:
        InvalidRequestError: the parameter is missing, empty or not a string.

    """
    value: Any = hide(body.get(name))
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(name)
    return value


class OAuthTokenView(SessionsAPIView):
    """Base of the OAuth endpoints: reads ``token`` and ``token_type_hint`` from JSON or a form.

    The parameters keep their names of the RFCs; ``FIELD_NAMES`` does not apply.
    """

    parser_classes = (StrictFormParser, StrictJSONParser)

    @property
    def token(self) -> str:
        """The presented token.

        Raises:
            InvalidRequestError: the parameter is missing, empty or not a string.

        """
        return require_parameter(self.json_body, "token")


class IntrospectView(OAuthTokenView):
    """Token introspection for ``INTROSPECTION_CLIENTS``, with a check against the database.

    A refresh token is active only with ``token_type_hint=refresh_token``. Otherwise a service that
    reads ``active`` alone would accept a refresh token in place of an access token.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 without ``INTROSPECTION_CLIENTS``, 401 to other clients."""
        if not get_settings().INTROSPECTION_CLIENTS:
            raise NotFound
        super().initial(request, *args, **kwargs)
        require_client(self.http_request)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the claims of an active token, or with ``{"active": false}``."""
        claims = introspect_access_token(self.token)
        if claims is None and self.json_body.get("token_type_hint") == "refresh_token":
            claims = introspect_refresh_token(self.token)
        return Response({"active": False} if claims is None else {"active": True, **claims})


class RevokeView(OAuthTokenView):
    """Token revocation: any client with a token can revoke its session.

    Accepts used and expired tokens. The answer to an unknown token is the same (RFC 7009 §2.2).
    Both kinds of token can be revoked, so ``unsupported_token_type`` never occurs and
    ``token_type_hint`` is not needed.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Revoke the session and answer with an empty 200."""
        claims = read_claims(self.token)
        if claims is not None:
            log_out(claims, request=self.http_request)
        return Response()


class TokenView(RefreshView):
    """The refresh of OAuth libraries: parameters, response and errors of RFC 6749 §6 and §5.

    The only grant type is ``refresh_token``. The client is public: ``client_id``, ``scope`` and
    credentials of a client are ignored. ``FIELD_NAMES`` does not apply.
    """

    parser_classes = (StrictFormParser, StrictJSONParser)
    transport = "body"

    @cached_property
    def presented_token(self) -> str:
        """The parameter ``refresh_token``.

        Raises:
            InvalidRequestError: a parameter is missing or not a string.
            UnsupportedGrantTypeError: the grant type is not ``refresh_token``.

        """
        if require_parameter(self.json_body, "grant_type") != "refresh_token":
            raise UnsupportedGrantTypeError
        return require_parameter(self.json_body, "refresh_token")

    def build_response(self, pair: TokenPair) -> Response:
        """The tokens under the names of OAuth; without ``refresh_token``, keep the stored one."""
        lifetime = pair.access_expires_at - pair.family.now
        body = {
            "access_token": pair.access,
            "token_type": pair.token_type,
            "expires_in": max(0, int(lifetime.total_seconds())),
        }
        if pair.refresh is not None:
            body["refresh_token"] = pair.refresh
        return Response(body)

    def handle_exception(self, exc: Exception) -> Response:
        """Add ``error``; an unusable refresh token is a 400 (RFC 6749 §5.2)."""
        return add_oauth_error(super().handle_exception(exc))


@sensitive_variables()
def read_claims(token: str) -> AccessClaims | RefreshClaims | None:
    """The claims of an access token or refresh token, or None for an unknown token."""
    token = hide(token)
    try:
        return refresh_tokens.verify(token)
    except InvalidTokenError:
        pass
    try:
        return access_tokens.verify(token, allow_expired=True)
    except InvalidTokenError:
        return None
