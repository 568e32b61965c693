"""Security log of session events, with the logger ``refresh_sessions.security``.

Each record has a text and, for JSON handlers, attributes (ASVS 16.2.1, 16.3.1): ``event``,
``session_id``, ``user_id``, ``actor_id``, ``ip_address`` and ``account``. They contain no token,
no user name and no other text from a client (ASVS 16.2.5, 16.4.1). The module
``rest_framework.refusal_log`` logs refused requests.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from refresh_sessions.devices import read_device, strip_control_chars
from refresh_sessions.models import DeviceSession, EventKind
from refresh_sessions.signals import (
    bound_token_misused,
    refresh_token_recovered,
    refresh_token_reused,
    session_reauthenticated,
    session_revoked,
    session_started,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

security_logger = logging.getLogger("refresh_sessions.security")


def connect() -> None:
    """Connect the signal receivers of this module."""
    for signal, receiver in (
        (session_started, log_start),
        (session_reauthenticated, log_reauthentication),
        (session_revoked, log_revocation),
        (refresh_token_recovered, log_recovery),
        (refresh_token_reused, log_reuse),
        (bound_token_misused, log_misuse),
    ):
        signal.connect(
            receiver, sender=DeviceSession, dispatch_uid=f"refresh_sessions.{receiver.__name__}"
        )
    user_login_failed.connect(log_failure, dispatch_uid="refresh_sessions.log_failure")


def log_start(*, session: DeviceSession, request: HttpRequest | None, **kwargs: Any) -> None:
    """Log a login."""
    address = read_device(request).ip_address
    security_logger.info(
        "Login: session %s of user %s, from %s",
        *(session.pk, session.user_id, address),
        extra=_attributes(session, EventKind.SIGNED_IN, ip_address=address),
    )


def log_reauthentication(
    *, session: DeviceSession, request: HttpRequest | None, methods: Iterable[str], **kwargs: Any
) -> None:
    """Log a re-authentication."""
    address = read_device(request).ip_address
    security_logger.info(
        "Re-authentication: session %s of user %s, with %s, from %s",
        *(session.pk, session.user_id, strip_control_chars(" ".join(methods)), address),
        extra=_attributes(session, EventKind.REAUTHENTICATED, ip_address=address),
    )


def log_revocation(
    *, session: DeviceSession, reason: str, by: AbstractBaseUser | None, **kwargs: Any
) -> None:
    """Log a revocation, with the user who caused it."""
    actor_id = by.pk if by is not None else None
    security_logger.info(
        "Revocation: session %s of user %s, reason %s, by %s",
        *(session.pk, session.user_id, strip_control_chars(reason), actor_id),
        extra=_attributes(session, EventKind.REVOKED, actor_id=actor_id),
    )


def log_recovery(*, session: DeviceSession, request: HttpRequest | None, **kwargs: Any) -> None:
    """Log the recovery from a lost response."""
    address = read_device(request).ip_address
    security_logger.info(
        "Recovery from a lost response: session %s of user %s, from %s",
        *(session.pk, session.user_id, address),
        extra=_attributes(session, "recovered", ip_address=address),
    )


def log_reuse(*, session: DeviceSession, details: Mapping[str, Any], **kwargs: Any) -> None:
    """Log the reuse of a refresh token."""
    address, after_end = details["ip_address"], details.get("after_end", False)
    security_logger.critical(
        "Refresh token reused%s: session %s of user %s, from %s",
        *(" after the session had ended" if after_end else "", session.pk, session.user_id),
        address,
        extra=_attributes(session, EventKind.REUSE_DETECTED, ip_address=address),
    )


def log_misuse(*, session: DeviceSession, details: Mapping[str, Any], **kwargs: Any) -> None:
    """Log a bound refresh token without its key; the session stays live."""
    address = details["ip_address"]
    security_logger.critical(
        "Bound refresh token used without its key: session %s of user %s, from %s",
        *(session.pk, session.user_id, address),
        extra=_attributes(session, EventKind.BOUND_TOKEN_MISUSED, ip_address=address),
    )


def log_failure(
    *, credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Log credentials that no backend accepted, of the API or any other login form.

    The attribute ``account`` is a keyed hash of the user name: users sometimes type their password
    into that field.
    """
    name = credentials.get("username", credentials.get(get_user_model().USERNAME_FIELD))
    account, address = _hash_account(name), read_device(request).ip_address
    security_logger.warning(
        "Login failed: account %s, from %s",
        *(account, address),
        extra=_attributes(None, "sign_in_failed", ip_address=address, account=account),
    )


def _attributes(session: DeviceSession | None, event: str, **more: Any) -> dict[str, Any]:
    """All attributes of a record, unset ones as None, so that a log format can use each."""
    return {
        "event": str(event),
        "session_id": str(session.pk) if session else None,
        "user_id": session.user_id if session else None,
        "actor_id": None,
        "ip_address": None,
        "account": None,
        **more,
    }


def _hash_account(name: object) -> str:
    text = str(name).strip().casefold().encode("utf-8", "replace")
    return salted_hmac("refresh_sessions.auditing", text, algorithm="sha256").hexdigest()[:16]
