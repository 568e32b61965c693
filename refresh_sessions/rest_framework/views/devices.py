"""``device/register/`` and ``device/refresh/``: requests of the browser itself, not of scripts.

W3C Device Bound Session Credentials, for the cookie transport. After a status of 400 to 499 other
than 403 and 407 Chromium forgets the key of a session. The endpoints have no throttle: the draft
keeps the key after 429, but Chromium 156 does not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.binding.bound_cookie import (
    clear_bound_cookie,
    read_bound_cookie,
    set_bound_cookie,
)
from refresh_sessions.binding.dbsc import (
    format_challenge,
    has_device_proof,
    is_dbsc_enabled,
    read_session_id,
)
from refresh_sessions.exceptions import (
    DeviceChallengeRequiredError,
    InvalidDeviceProofError,
    InvalidTokenError,
    ProofFault,
)
from refresh_sessions.models import TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.rest_framework.device_sessions import build_instructions
from refresh_sessions.rest_framework.views.base import PresentedTokenView
from refresh_sessions.sessions import register_device_key, verify_device_key
from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.refresh_tokens import RefreshClaims
from refresh_sessions.transports import read_refresh_cookie

ENDED = {"continue": False}
"""The browser forgets the key of the session."""


class DeviceView(PresentedTokenView):
    """Base of both endpoints."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Forbid other sites to embed the response, whose time could tell who is logged in."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        response["X-Frame-Options"] = "DENY"
        return response

    def bound_response(self, family: TokenFamily) -> Response:
        """The session instructions, with a new bound cookie."""
        response = Response(build_instructions(self.http_request, family.pk))
        set_bound_cookie(
            self.http_request,
            response,
            family_id=family.pk,
            key_thumbprint=family.key_thumbprint,
        )
        return response


class DeviceRegisterView(DeviceView):
    """Binds the session of the refresh cookie to the key of a browser, after a login."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 without ``DEVICE_BOUND_SESSIONS``."""
        if not is_dbsc_enabled(self.http_request):
            raise NotFound
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Verify the first proof and answer with the session instructions."""
        return self.bound_response(register_device_key(self.claims, request=self.http_request))


class DeviceRefreshView(DeviceView):
    """Renews the bound cookie for a proof of the device key."""

    family_id: UUID | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the id of the session; answer 404 without it and ``DEVICE_BOUND_SESSIONS``.

        Sessions that are bound go on after the setting was turned off.
        """
        self.family_id = read_session_id(self.http_request)
        if self.family_id is None and not is_dbsc_enabled(self.http_request):
            raise NotFound
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with a challenge, with a new bound cookie, or that the session has ended."""
        if self.family_id is None:
            raise InvalidDeviceProofError(ProofFault.MISSING)
        if not has_device_proof(self.http_request):
            # Without a query: the answer does not tell whether there is such a session.
            raise DeviceChallengeRequiredError
        family = verify_device_key(
            self.family_id, cookie=self._read_cookie(), request=self.http_request
        )
        if family is not None:
            return self.bound_response(family)
        response = Response(ENDED)
        bound_cookie = read_bound_cookie(self.http_request)
        if bound_cookie is None or bound_cookie.family_id == self.family_id:
            # Not that of a later login, which has replaced it.
            clear_bound_cookie(self.http_request, response)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Add a challenge to a refusal; the browser then repeats its request."""
        response = super().handle_exception(exc)
        refusals = (DeviceChallengeRequiredError, InvalidDeviceProofError)
        if self.family_id is not None and isinstance(exc, refusals):
            response["Secure-Session-Challenge"] = format_challenge(self.family_id)
        return response

    def _read_cookie(self) -> RefreshClaims | None:
        """The claims of the refresh cookie, or None without a valid one."""
        token = hide(read_refresh_cookie(self.http_request))
        with suppress(InvalidTokenError):
            return refresh_tokens.verify(token) if token else None
        return None
