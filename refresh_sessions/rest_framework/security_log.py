"""The security log of what was refused: sign-ins, tokens, actions, and too many of them.

One line in ``refresh_sessions.security`` for each (ASVS 16.3.1 to 16.3.3), with the attributes
``event`` (``"refused"``), ``code``, ``ip_address`` and ``user_id``.
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

_ORDINARY: Final = frozenset(
    {
        *("not_authenticated", "not_found", "session_expired", "token_expired"),
        *("token_superseded", "mfa_required", "reauthentication_required"),
        # A proof that failed has a line of its own.
        *("no_active_account", "second_factor_failed", "reauthentication_failed"),
    }
)
"""What honest clients run into every day; the rest may be an attack."""


def log_refusal(response: Response, request: Request) -> None:
    """Write down who was refused what, if that is what the answer says."""
    if response.status_code not in _STATUSES or not isinstance(response.data, Mapping):
        return
    code = str(response.data.get("code", response.status_code))
    ordinary = {code, str(response.data.get("reason"))} & _ORDINARY
    about = {
        "event": "refused",
        "code": code,
        "ip_address": get_client_ip(request._request),
        # Not request.user: that would try the token once more.
        "user_id": getattr(getattr(request, "_user", None), "pk", None),
    }
    security_logger.log(
        logging.INFO if ordinary else logging.WARNING,
        "Refused, %s: %s %s, from %s, user %s",
        *(
            code,
            request.method,
            strip_control_chars(request.path),
            about["ip_address"],
            about["user_id"],
        ),
        extra=about,
    )
