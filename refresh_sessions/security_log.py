"""The security log: a line in ``refresh_sessions.security`` for whatever begins or ends a session.

Who, what and from where (ASVS 16.2.1, 16.3.1), as text and, for handlers that write JSON, as
attributes of the record: ``event``, ``session_id``, ``user_id``, ``actor_id``, ``ip_address`` and
``account``. No token, no name and nothing else that a client may choose stands in them (ASVS
16.2.5, 16.4.1). What was refused is logged where it is answered: ``rest_framework.refusals``.
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
    refresh_token_recovered,
    session_reauthenticated,
    session_revoked,
    session_started,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

security_logger = logging.getLogger("refresh_sessions.security")


def connect() -> None:
    """Have the receivers below called."""
    for signal, receiver in (
        (session_started, log_start),
        (session_reauthenticated, log_reauthentication),
        (session_revoked, log_revocation),
        (refresh_token_recovered, log_recovery),
    ):
        signal.connect(
            receiver, sender=DeviceSession, dispatch_uid=f"refresh_sessions.{receiver.__name__}"
        )
    user_login_failed.connect(log_failure, dispatch_uid="refresh_sessions.log_failure")


def log_start(*, session: DeviceSession, request: HttpRequest | None, **kwargs: Any) -> None:
    """Somebody signed in."""
    address = read_device(request).ip_address
    security_logger.info(
        "Signed in: session %s of user %s, from %s",
        *(session.pk, session.user_id, address),
        extra=_about(session, EventKind.SIGNED_IN, ip_address=address),
    )


def log_reauthentication(
    *, session: DeviceSession, request: HttpRequest | None, methods: Iterable[str], **kwargs: Any
) -> None:
    """Somebody proved within their session who they are."""
    address = read_device(request).ip_address
    security_logger.info(
        "Identity proven: session %s of user %s, by %s, from %s",
        *(session.pk, session.user_id, strip_control_chars(" ".join(methods)), address),
        extra=_about(session, EventKind.REAUTHENTICATED, ip_address=address),
    )


def log_revocation(
    *, session: DeviceSession, reason: str, by: AbstractBaseUser | None, **kwargs: Any
) -> None:
    """A session was ended, by a person or by a rule."""
    actor_id = by.pk if by is not None else None
    security_logger.info(
        "Ended: session %s of user %s, for %s, by %s",
        *(session.pk, session.user_id, strip_control_chars(reason), actor_id),
        extra=_about(session, EventKind.REVOKED, actor_id=actor_id),
    )


def log_recovery(*, session: DeviceSession, request: HttpRequest | None, **kwargs: Any) -> None:
    """A used token was honoured once more, as its successor seems to have been lost."""
    address = read_device(request).ip_address
    security_logger.info(
        "Answer lost, token honoured again: session %s of user %s, from %s",
        *(session.pk, session.user_id, address),
        extra=_about(session, "recovered", ip_address=address),
    )


def log_failure(
    *, credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """No backend took the credentials, here or on any other page where people sign in.

    ``account`` is the name that was given, unreadable and yet the same each time: people type
    their password into the wrong field, and a log is no place for it.
    """
    name = credentials.get("username", credentials.get(get_user_model().USERNAME_FIELD))
    account, address = _account(name), read_device(request).ip_address
    security_logger.warning(
        "Sign-in failed: account %s, from %s",
        *(account, address),
        extra=_about(None, "sign_in_failed", ip_address=address, account=account),
    )


def _about(session: DeviceSession | None, event: str, **more: Any) -> dict[str, Any]:
    """All attributes, so that a format may name any of them."""
    return {
        "event": str(event),
        "session_id": str(session.pk) if session else None,
        "user_id": session.user_id if session else None,
        "actor_id": None,
        "ip_address": None,
        "account": None,
        **more,
    }


def _account(name: object) -> str:
    text = str(name).strip().casefold().encode("utf-8", "replace")
    return salted_hmac("refresh_sessions.auditing", text, algorithm="sha256").hexdigest()[:16]
