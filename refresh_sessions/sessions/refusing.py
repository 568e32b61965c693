"""Refusing a refresh token: end the session where the verdict says so, and say no."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NoReturn

from django.db import router
from django.http import HttpRequest

from refresh_sessions.database import commit_when_busy
from refresh_sessions.devices import device_of
from refresh_sessions.exceptions import (
    RefreshSupersededError,
    SessionExpiredError,
    SessionRevokedError,
)
from refresh_sessions.models import DeviceSession, RevokedReason, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import Verdict
from refresh_sessions.sessions.ending import Ending, is_reuse_noted, note_reuse_after_end
from refresh_sessions.sessions.revoking import revoke_session, revoke_user_sessions
from refresh_sessions.signals import refresh_token_reused
from refresh_sessions.tokens.refresh import RefreshClaims

security_logger = logging.getLogger("refresh_sessions.security")


def refuse(
    verdict: Verdict,
    claims: RefreshClaims,
    family: TokenFamily,
    request: HttpRequest | None,
) -> NoReturn:
    """End the session where the verdict says so, commit that, and only then complain."""
    session = family.session
    match verdict:
        case Verdict.REUSED:
            end_for_reuse(claims, family, request)
        case Verdict.RECOVERY_LIMIT:
            revoke_session(session, reason=RevokedReason.RECOVERY_LIMIT, request=request)
        case Verdict.ACCOUNT_CHANGED:
            # What the project alone refuses is not revoked: it may accept the user again.
            if reason := session.account_reason:
                revoke_session(session, reason=reason, request=request)
        case Verdict.SUPERSEDED:
            raise RefreshSupersededError
        case _:
            pass
    if verdict.expiry:
        raise SessionExpiredError(verdict.expiry)
    raise SessionRevokedError


def end_for_reuse(claims: RefreshClaims, family: TokenFamily, request: HttpRequest | None) -> bool:
    """Revoke the session of a reused token, and raise the alarm.

    A session that has been revoked before gets the alarm alone, and once.

    Returns:
        Whether this call revoked the session.

    """
    session, device = family.session, device_of(request)
    details = {
        "generation": claims.generation,
        "newest_generation": family.generation,
        "ip_address": device.ip_address,
        "user_agent": device.user_agent,
        "other_ip_address": family.last_ip_address,
        "other_user_agent": family.last_user_agent,
    }
    if session.reuse_detected_at is not None:
        # An attacker who keeps an old token must not revoke the user's later sessions with it.
        return False
    if get_policy().reuse_ends(session.user, session=session) == "user":
        # Before the session itself: if this fails, the token comes back as reused once more.
        revoke_user_sessions(
            session.user, keep=session, reason=RevokedReason.REUSE_ELSEWHERE, request=request
        )
    revoked = revoke_session(session, reason=RevokedReason.REUSE, request=request, details=details)
    if not revoked:
        details["after_end"] = True
        if not _note_after_end(session, details, request):
            return False
    security_logger.critical(
        "Used refresh token came back%s: session %s of user %s",
        *("" if revoked else " after the session had ended", session.pk, session.user_id),
    )
    refresh_token_reused.send_robust(
        sender=DeviceSession,
        session=session,
        family=family,
        generation=claims.generation,
        request=request,
        details=details,
    )
    return revoked


def _note_after_end(
    session: DeviceSession, details: Mapping[str, Any], request: HttpRequest | None
) -> bool:
    using = router.db_for_write(DeviceSession)
    ending = Ending(reason=RevokedReason.REUSE, request=request, details=details)
    return commit_when_busy(
        using,
        lambda: note_reuse_after_end(session, ending, using=using),
        is_committed=lambda noted: noted and is_reuse_noted(session, using=using),
    )
