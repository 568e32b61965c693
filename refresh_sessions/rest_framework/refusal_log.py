"""Security log of refused requests: logins, tokens, sensitive actions and throttled requests.

One record of the logger ``refresh_sessions.security`` for each (ASVS 16.3.1 to 16.3.3), with the
attributes ``event`` (``"refused"``), ``code``, ``reason``, ``ip_address`` and ``user_id``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.client_ip import get_client_ip
from refresh_sessions.devices import strip_control_chars

security_logger = logging.getLogger("refresh_sessions.security")

_STATUSES: Final = frozenset({401, 403, 404, 429})

_EXPECTED_CODES: Final = frozenset(
    {
        *("not_authenticated", "not_found", "session_expired", "token_expired"),
        *("token_superseded", "mfa_required", "reauthentication_required", "use_dpop_nonce"),
        # The first request of each renewal of a bound cookie.
        "device_challenge_required",
        # Failed credentials have their own record.
        *("no_active_account", "second_factor_failed", "reauthentication_failed"),
    }
)
"""Codes that correct clients cause, logged as INFO; other codes may be an attack."""


def log_refusal(response: Response, request: Request) -> None:
    """Log the response if it refuses the request."""
    if response.status_code not in _STATUSES or not isinstance(response.data, Mapping):
        return
    code = str(response.data.get("code", response.status_code))
    reason = response.data.get("reason")
    expected = {code, str(reason)} & _EXPECTED_CODES
    attributes = {
        "event": "refused",
        "code": code,
        "reason": None if reason is None else str(reason),
        "ip_address": get_client_ip(request._request),
        # Not request.user: it would authenticate the token again.
        "user_id": getattr(getattr(request, "_user", None), "pk", None),
    }
    security_logger.log(
        logging.INFO if expected else logging.WARNING,
        "Refused, %s: %s %s, from %s, user %s",
        *(
            code,
            request.method,
            strip_control_chars(request.path),
            attributes["ip_address"],
            attributes["user_id"],
        ),
        extra=attributes,
    )
