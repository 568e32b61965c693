"""``GET jwks.json``: the public keys, for services that verify access tokens themselves."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django.utils.cache import get_conditional_response
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_304_NOT_MODIFIED

from refresh_sessions.rest_framework.views.base import SessionsAPIView
from refresh_sessions.tokens.keys import public_keys

MAX_AGE: Final = 300
"""Seconds that caches keep the response; publish a new key longer before use, see docs/keys.md."""


class JWKSView(SessionsAPIView):
    """The public keys (RFC 7517); the only response that caches may store."""

    is_private = False

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the keys (RFC 7517 §5), or with 304 if the ``ETag`` matches.

        Raises:
            NotFound: all keys are symmetric, and therefore secret.

        """
        keys = public_keys()
        if not keys:
            raise NotFound
        etag = f'"{hashlib.sha256(json.dumps(keys).encode()).hexdigest()}"'
        answer = get_conditional_response(self.http_request, etag=etag)
        if answer is not None and answer.status_code == HTTP_304_NOT_MODIFIED:
            response = Response(status=HTTP_304_NOT_MODIFIED)
        else:
            response = Response({"keys": keys})
        response["ETag"] = etag
        return response

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Let caches store the keys, but not error responses."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code in {HTTP_200_OK, HTTP_304_NOT_MODIFIED}:
            response["Cache-Control"] = f"public, max-age={MAX_AGE}"
        return response
