"""Presented refresh tokens: attributes of the client, the verdict, and the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from django.db import router
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from refresh_sessions.client_ip import get_network
from refresh_sessions.companion_cookie import is_companion_used, read_companion
from refresh_sessions.conf import get_settings
from refresh_sessions.database import commit_once
from refresh_sessions.devices import read_device
from refresh_sessions.exceptions import (
    DeviceProofRequiredError,
    RefreshSupersededError,
    SessionExpiredError,
    SessionRevokedError,
)
from refresh_sessions.models import DeviceSession, RevokedReason, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.redaction import hide
from refresh_sessions.rotation import FamilyState, Presenter, Rules, Verdict, judge
from refresh_sessions.sessions.queries import is_opened_family_used
from refresh_sessions.sessions.revoke import (
    Revocation,
    is_reuse_recorded,
    record_reuse_after_revocation,
    revoke_session,
    revoke_user_sessions,
)
from refresh_sessions.signals import refresh_token_reused
from refresh_sessions.tokens.refresh_tokens import RefreshClaims, hash_secret, new_secret


def get_presenter(family: TokenFamily, request: HttpRequest | None) -> Presenter:
    """Compare the client of a request with the client of the last rotation."""
    return Presenter(
        # The key of a bound family was required before: it distinguishes clients as the cookie.
        shows_companion=bool(family.binding) or _shows_companion(family, request),
        resembles_last_client=_resembles_last_client(family, request),
    )


def new_companion(request: HttpRequest | None) -> str | None:
    """Generate 128 random bits for the companion cookie, or None if it is not in use."""
    return hide(new_secret()) if is_companion_used(request) else None


def require_companion(family: TokenFamily, presenter: Presenter) -> None:
    """Require the companion cookie if ``COMPANION_COOKIE`` is "require".

    Raises:
        DeviceProofRequiredError: a rotation of the family showed the cookie, and this request
            lacks it.

    """
    required = get_settings().COMPANION_COOKIE == "require"
    if required and family.companion_generation is not None and not presenter.shows_companion:
        raise DeviceProofRequiredError


def _shows_companion(family: TokenFamily, request: HttpRequest | None) -> bool:
    companion = read_companion(request)
    if not family.companion_digest or not companion:
        return False
    return constant_time_compare(hash_secret(companion), family.companion_digest)


def _resembles_last_client(family: TokenFamily, request: HttpRequest | None) -> bool:
    device = read_device(request)
    network = get_network(device.ip_address)
    # Two unknown addresses are not the same network.
    same_network = network != "" and network == get_network(family.last_ip_address)
    return same_network or device.user_agent == family.last_user_agent


def judge_token(
    claims: RefreshClaims,
    family: TokenFamily,
    state: FamilyState,
    presenter: Presenter,
    *,
    using: str,
) -> Verdict:
    """Judge a refresh token with the rotation rule.

    Makes one query if the token is the redeemable one and the newest rotation opened a family.

    Args:
        claims: the claims of the token.
        family: the family as read by ``read_family``.
        state: the state of the family.
        presenter: attributes of the client.
        using: the alias of the database.

    """
    if claims.generation == family.redeemable_generation:
        used = is_opened_family_used(family, using=using)
        state = replace(state, opened_family_used=used)
    return judge(
        claims.generation,
        state,
        presenter=presenter,
        token_expires_at=claims.expires_at,
        now=family.now,
        rules=get_rotation_rules(),
    )


def refuse(
    verdict: Verdict,
    claims: RefreshClaims,
    family: TokenFamily,
    request: HttpRequest | None,
) -> NoReturn:
    """Refuse a refresh token, and revoke its session first if the verdict requires it.

    Call it outside of transactions, which the exception would roll back.

    Raises:
        RefreshSupersededError: the verdict is ``SUPERSEDED``.
        SessionExpiredError: the verdict is a limit.
        SessionRevokedError: any other verdict.

    """
    session = family.session
    match verdict:
        case Verdict.REUSED:
            revoke_for_reuse(claims, family, request)
        case Verdict.RECOVERY_LIMIT:
            revoke_session(session, reason=RevokedReason.RECOVERY_LIMIT, request=request)
        case Verdict.ACCOUNT_CHANGED:
            # A refusal by backend, manager or policy revokes nothing: it may be temporary.
            if reason := session.account_reason:
                revoke_session(session, reason=reason, request=request)
        case Verdict.SUPERSEDED:
            raise RefreshSupersededError
        case _:
            pass
    if verdict.expiry:
        raise SessionExpiredError(verdict.expiry)
    raise SessionRevokedError


def revoke_for_reuse(
    claims: RefreshClaims, family: TokenFamily, request: HttpRequest | None
) -> bool:
    """Revoke the session of a reused token, and report the reuse.

    In a session that was revoked before, the first reuse is only reported.

    Args:
        claims: the claims of the token.
        family: the family of the token.
        request: the request that presented the token, or None.

    Returns:
        Whether this call revoked the session.

    """
    session, device = family.session, read_device(request)
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
        # Before the session itself: after a failure, the next request detects the reuse again.
        revoke_user_sessions(
            session.user, keep=session, reason=RevokedReason.REUSE_ELSEWHERE, request=request
        )
    revoked = revoke_session(session, reason=RevokedReason.REUSE, request=request, details=details)
    if not revoked:
        details["after_end"] = True
        if not _record_after_revocation(session, details, request):
            return False
    refresh_token_reused.send_robust(
        sender=DeviceSession,
        session=session,
        family=family,
        generation=claims.generation,
        request=request,
        details=details,
    )
    return revoked


def _record_after_revocation(
    session: DeviceSession, details: Mapping[str, Any], request: HttpRequest | None
) -> bool:
    using = router.db_for_write(DeviceSession)
    revocation = Revocation(reason=RevokedReason.REUSE, request=request, details=details)
    return commit_once(
        using,
        lambda: record_reuse_after_revocation(session, revocation, using=using),
        is_committed=lambda recorded: recorded and is_reuse_recorded(session, using=using),
    )


def get_rotation_rules() -> Rules:
    """The settings of the rotation rule."""
    settings = get_settings()
    return Rules(
        overlap=settings.ROTATION_OVERLAP, lost_response_recovery=settings.LOST_RESPONSE_RECOVERY
    )
