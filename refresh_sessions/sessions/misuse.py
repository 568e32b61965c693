"""Misuse: report that a bound refresh token was presented without its key.

The session stays live, so that a copied token cannot end it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import Error, router
from django.http import HttpRequest

from refresh_sessions.database import commit_once, retry_transient
from refresh_sessions.devices import read_device
from refresh_sessions.events.record import record_events
from refresh_sessions.exceptions import DatabaseBusyError, RefreshSessionsError
from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from refresh_sessions.sessions.locks import lock_session, read_after_lock
from refresh_sessions.signals import bound_token_misused

REPORT_AGAIN_AFTER: Final = timedelta(hours=1)

logger = logging.getLogger("refresh_sessions")


def report_misuse(
    family: TokenFamily, error: RefreshSessionsError, request: HttpRequest | None
) -> None:
    """Record an event, once per family and hour, then signal it.

    Call it outside of transactions. A failure of the database is logged.

    Args:
        family: the family of the token, as read by ``read_family`` or ``select_family``.
        error: why the request was refused.
        request: the request that presented the token, or None.

    """
    session, device = family.session, read_device(request)
    if session.revoked_at is not None or min(session.expires_at, family.idle_expires_at) <= (
        family.now
    ):
        return
    details = {
        "family": str(family.pk),
        "reason": str(getattr(error, "reason", error.code)),
        "ip_address": device.ip_address,
        "user_agent": device.user_agent,
        "other_ip_address": family.last_ip_address,
        "other_user_agent": family.last_user_agent,
    }
    using = router.db_for_write(TokenFamily)
    try:
        # Without a lock first: further attempts of the hour write nothing.
        if retry_transient(using, lambda: _is_recorded(family, using)):
            return
        recorded = commit_once(
            using,
            lambda: _record(family, details, request, using),
            is_committed=lambda recorded: recorded and _is_recorded(family, using),
        )
    except (Error, DatabaseBusyError):
        logger.exception("The misuse of a bound refresh token was not recorded")
        return
    if recorded:
        bound_token_misused.send_robust(
            sender=DeviceSession, session=session, family=family, request=request, details=details
        )


def _record(
    family: TokenFamily, details: Mapping[str, Any], request: HttpRequest | None, using: str
) -> bool:
    """Record the event, unless there is a recent one; return whether it was recorded."""
    lock_session(family.session_id, using=using)
    if _is_recorded(family, using):
        return False
    kind = EventKind.BOUND_TOKEN_MISUSED
    record_events([family.session_id], kind, request=request, details=details, using=using)
    return True


def _is_recorded(family: TokenFamily, using: str) -> bool:
    # The events of one session and hour are few; a condition on JSON would differ by database.
    recent = SessionEvent.objects.using(using).filter(
        session=family.session_id,
        kind=EventKind.BOUND_TOKEN_MISUSED,
        created_at__gt=family.now - REPORT_AGAIN_AFTER,
    )
    details = read_after_lock(recent.values_list("details", flat=True), using=using)
    return any(one["family"] == str(family.pk) for one in details)
