"""``introspect/`` (RFC 7662) and ``revoke/`` (RFC 7009)."""

from __future__ import annotations

import hashlib
from base64 import b64decode
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
from refresh_sessions.rest_framework.exceptions import InvalidClientError, InvalidRequestError
from refresh_sessions.rest_framework.parsers import StrictFormParser, StrictJSONParser
from refresh_sessions.rest_framework.views.base import SessionsAPIView
from refresh_sessions.sessions import introspect_access_token, introspect_refresh_token, sign_out
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims

_NOBODY: Final = "0" * 64
"""No secret has this digest; comparing with it takes as long as with any other."""


@sensitive_variables()
def require_client(request: HttpRequest) -> str:
    """Say which of ``INTROSPECTION_CLIENTS`` sent the request, by HTTP Basic (RFC 6749 §2.3.1).

    Raises:
        InvalidClientError: none of them did.

    """
    name, secret = _basic_credentials(request)
    known = get_settings().INTROSPECTION_CLIENTS.get(name, _NOBODY)
    # Made by us with 256 random bits, a secret needs neither salt nor stretching.
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


class OAuthTokenView(SessionsAPIView):
    """Takes ``token`` and ``token_type_hint`` as JSON, or as a form as the RFCs have it.

    The parameters have the names of the RFCs, whatever ``FIELD_NAMES`` says.
    """

    parser_classes = (StrictFormParser, StrictJSONParser)

    @property
    def token(self) -> str:
        """The presented token.

        Raises:
            InvalidRequestError: there is none.

        """
        token: Any = hide(self.json_body.get("token"))
        if not isinstance(token, str) or not token:
            raise InvalidRequestError
        return token


class IntrospectView(OAuthTokenView):
    """Tells the services in ``INTROSPECTION_CLIENTS``, by the state of the database.

    A refresh token is active only for who says that it expects one: a service that looks at
    ``active`` alone would else accept a refresh token in place of an access token.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Be there only where somebody may ask, and answer nobody else."""
        if not get_settings().INTROSPECTION_CLIENTS:
            raise NotFound
        super().initial(request, *args, **kwargs)
        require_client(self.http_request)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the claims, or with nothing but the fact that the token is not good."""
        claims = introspect_access_token(self.token)
        if claims is None and self.json_body.get("token_type_hint") == "refresh_token":
            claims = introspect_refresh_token(self.token)
        return Response({"active": False} if claims is None else {"active": True, **claims})


class RevokeView(OAuthTokenView):
    """Whoever presents a token, used or expired as it may be, can do so.

    The answer is the same for a token that was never ours: nothing is left to be revoked. Both
    kinds of token can be revoked, so ``unsupported_token_type`` never occurs, and a hint, which
    RFC 7009 has servers ignore where it is wrong, is not needed to find the token.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with nothing."""
        claims = read_claims(self.token)
        if claims is not None:
            sign_out(claims, request=self.http_request)
        return Response()


@sensitive_variables()
def read_claims(token: str) -> AccessClaims | RefreshClaims | None:
    """What a token of ours says, of whichever kind it is, or None if it is none."""
    token = hide(token)
    try:
        return refresh_tokens.verify(token)
    except InvalidTokenError:
        pass
    try:
        return access_tokens.verify(token, allow_expired=True)
    except InvalidTokenError:
        return None
