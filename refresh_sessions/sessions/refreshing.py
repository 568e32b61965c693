"""Refreshing: one SELECT, the verdict, and at most one UPDATE.

Each attempt runs in autocommit. Inside one long transaction the loser of a race would read its
own old snapshot for ever, and a failing answer would roll a revocation back.
"""

from __future__ import annotations

import logging

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import auth_digest, is_current, may_sign_in
from refresh_sessions.conf import get_settings
from refresh_sessions.database import (
    LostRaceError,
    forbid_outer_transaction,
    retry_when_busy,
)
from refresh_sessions.devices import device_of
from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import FamilyState, Rules, Verdict, judge
from refresh_sessions.sessions.issuing import TokenPair, idle_expiry, issue_access, issue_pair
from refresh_sessions.sessions.recording import record
from refresh_sessions.sessions.refusing import refuse
from refresh_sessions.signals import refresh_token_recovered, session_refreshed
from refresh_sessions.tokens import refresh

security_logger = logging.getLogger("refresh_sessions.security")


@sensitive_variables()
def refresh_session(
    token: str | refresh.RefreshClaims, *, request: HttpRequest | None = None
) -> TokenPair:
    """Exchange a refresh token for new tokens. Looks at nothing but the refresh token.

    Args:
        token: the refresh token, or its claims where the caller has verified it already.
        request: for address and user agent.

    Returns:
        The new pair; ``refresh`` is None where the client is to keep the one it stores.

    Raises:
        InvalidTokenError: we did not issue it.
        SessionRevokedError: its session has ended, or ends now because the token was used before.
        SessionExpiredError: a limit in time or number has been reached.
        RefreshSupersededError: a sibling has just stored a newer token.
        DatabaseBusyError: nothing was decided in several tries; the token has not been used.
        OuterTransactionError: called inside a transaction.

    """
    using = router.db_for_write(TokenFamily)
    forbid_outer_transaction(using)
    claims = refresh.verify(token) if isinstance(token, str) else token
    return retry_when_busy(using, lambda: _attempt(claims, request, using))


def _attempt(claims: refresh.RefreshClaims, request: HttpRequest | None, using: str) -> TokenPair:
    family = _read(claims, using)
    verdict = judge(
        claims.generation,
        _state_of(family),
        token_expires_at=claims.expires_at,
        now=family.now,
        rules=_rules_for(family),
    )
    if verdict.mints:
        return _mint(verdict, claims, family, request, using)
    if verdict is Verdict.UNCHANGED or verdict is Verdict.ACCESS_ONLY:
        return _access_for_sibling(verdict, claims, family, request)
    return refuse(verdict, claims, family, request)


def _read(claims: refresh.RefreshClaims, using: str) -> TokenFamily:
    """The family with session, user and clock, on the primary: a replica may lag behind."""
    try:
        family = TokenFamily.objects.using(using).with_owner().get(pk=claims.family_id)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None
    if family.session_id != claims.session_id or not claims.matches(family.secret_digest):
        security_logger.warning("Refresh token with a foreign secret, family %s", family.pk)
        raise SessionRevokedError
    return family


def _state_of(family: TokenFamily) -> FamilyState:
    session, user = family.session, family.session.user
    return FamilyState(
        generation=family.generation,
        redeemable_generation=family.redeemable_generation,
        rotated_at=family.rotated_at,
        delivered_at=family.delivered_at,
        idle_expires_at=family.idle_expires_at,
        expires_at=session.expires_at,
        ended=session.revoked_at is not None or family.closed_at is not None,
        account_changed=not may_sign_in(user) or not is_current(user, session.auth_hash),
    )


def _rules_for(family: TokenFamily) -> Rules:
    settings, session = get_settings(), family.session
    return Rules(
        overlap=settings.ROTATION_OVERLAP,
        lost_response_recovery=settings.LOST_RESPONSE_RECOVERY,
        max_refreshes=get_policy().max_refreshes(session.user, session=session),
    )


def _mint(
    verdict: Verdict,
    claims: refresh.RefreshClaims,
    family: TokenFamily,
    request: HttpRequest | None,
    using: str,
) -> TokenPair:
    found = family.generation
    family.generation = max(found, claims.generation) + 1
    if verdict is not Verdict.RECOVER:
        family.redeemable_generation = claims.generation
    else:
        # Whoever retries may be a thief; what the owner proved is not theirs.
        family.authenticated_at = None
    family.rotated_at = family.now
    family.delivered_at = None
    family.idle_expires_at = idle_expiry(family.session, now=family.now, request=request)
    family.last_ip_address = device_of(request).ip_address
    _compare_and_swap(family, found, using)
    _after_minting(verdict, family, request, using)
    return issue_pair(family, secret=claims.secret, now=family.now, request=request)


def _compare_and_swap(family: TokenFamily, found: int, using: str) -> None:
    """Write the new generation, unless another request has done so since the SELECT."""
    changed = (
        TokenFamily.objects.using(using)
        .usable()
        .filter(pk=family.pk, generation=found)
        .update(
            generation=family.generation,
            redeemable_generation=family.redeemable_generation,
            rotated_at=family.rotated_at,
            delivered_at=None,
            idle_expires_at=family.idle_expires_at,
            last_ip_address=family.last_ip_address,
            authenticated_at=family.authenticated_at,
        )
    )
    if not changed:
        raise LostRaceError


def _after_minting(
    verdict: Verdict, family: TokenFamily, request: HttpRequest | None, using: str
) -> None:
    session = family.session
    if session.auth_hash != (current := auth_digest(session.user)):
        # SECRET_KEY was rotated: once per session, before the fallback goes away.
        sessions = DeviceSession.objects.using(using).filter(pk=session.pk)
        sessions.filter(auth_hash=session.auth_hash).update(auth_hash=current)
    if verdict is Verdict.HEAL:
        details = {"generation": family.generation}
        record([session.pk], EventKind.HEALED, request=request, details=details, using=using)
    signals = [session_refreshed]
    if verdict is Verdict.RECOVER:
        signals.append(refresh_token_recovered)
    for signal in signals:
        signal.send_robust(
            sender=DeviceSession,
            session=session,
            family=family,
            generation=family.generation,
            request=request,
        )


def _access_for_sibling(
    verdict: Verdict,
    claims: refresh.RefreshClaims,
    family: TokenFamily,
    request: HttpRequest | None,
) -> TokenPair:
    """An access token for the generation that this client holds; nothing is written."""
    token = issue_access(family, generation=claims.generation, now=family.now, request=request)
    holds_newest = verdict is Verdict.UNCHANGED
    return TokenPair(
        access=token.token,
        access_expires_at=token.expires_at,
        refresh=claims.token if holds_newest else None,
        refresh_expires_at=claims.expires_at if holds_newest else None,
        session=family.session,
        family=family,
    )
