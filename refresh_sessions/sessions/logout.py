"""Logout: revoke the session of a token at the request of its holder, idempotently."""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_out
from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.database import after_commit, retry_transient
from refresh_sessions.exceptions import (
    DeviceProofRequiredError,
    DPoPNonceRequiredError,
    InvalidDPoPProofError,
)
from refresh_sessions.models import DeviceSession, RevokedReason, TokenFamily
from refresh_sessions.rotation import Verdict
from refresh_sessions.sessions import access_cache
from refresh_sessions.sessions.key_binding import (
    hide_misuse,
    report_requests_without_key,
    require_key,
)
from refresh_sessions.sessions.presented_token import (
    get_presenter,
    judge_token,
    require_companion,
    revoke_for_reuse,
)
from refresh_sessions.sessions.queries import get_family_state, select_family
from refresh_sessions.sessions.revoke import revoke_session
from refresh_sessions.tokens.access_tokens import AccessClaims
from refresh_sessions.tokens.refresh_tokens import RefreshClaims


@sensitive_variables()
def log_out(
    claims: AccessClaims | RefreshClaims,
    *,
    request: HttpRequest | None = None,
) -> bool:
    """Revoke the session of a verified token.

    Accepts expired tokens and tokens of any generation. Reuse of a refresh token is detected as in
    a refresh: the session is revoked for that reason, and the reuse is reported.

    Args:
        claims: the claims of the token.
        request: the request for address, user agent, companion cookie and signals, or None.

    Returns:
        Whether this call revoked the session; False if it had ended before.

    Raises:
        DeviceProofRequiredError: ``COMPANION_COOKIE`` is "require", and the cookie is missing; or
            a refresh token that is bound to a device key, and the bound cookie is missing.
        InvalidDPoPProofError: a bound token, and the request has no proof of its key.
        DPoPNonceRequiredError: the proof of the request lacks a recent nonce.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    with report_requests_without_key(request):
        return _log_out(claims, request)


def revoke_replaced_session(claims: RefreshClaims, *, request: HttpRequest | None) -> bool:
    """Revoke the session of a refresh cookie that a login overwrites.

    A bound session stays live if the request has no proof of its key: the cookie may be a copy. No
    misuse is reported: the browser may have lost the key.

    Args:
        claims: the claims of the cookie.
        request: the request of the login, or None.

    Returns:
        Whether this call revoked the session.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    try:
        with hide_misuse():
            return _log_out(claims, request)
    except (DeviceProofRequiredError, InvalidDPoPProofError, DPoPNonceRequiredError):
        return False


def _log_out(claims: AccessClaims | RefreshClaims, request: HttpRequest | None) -> bool:
    using = router.db_for_write(DeviceSession)
    family = retry_transient(using, lambda: _find_family(claims, using))
    if family is None:
        return False
    if isinstance(claims, RefreshClaims) or claims.key_thumbprint:
        require_key(family, request)
    if isinstance(claims, RefreshClaims):
        presenter = get_presenter(family, request)
        require_companion(family, presenter)
        if (
            judge_token(claims, family, get_family_state(family), presenter, using=using)
            is Verdict.REUSED
        ):
            return revoke_for_reuse(claims, family, request)
    if _has_ended(family):
        # The process that revoked it may have been killed before it updated the cache.
        access_cache.forget(family.session_id)
        return False
    return revoke_by_holder(claims, family.session, request=request)


def revoke_by_holder(
    claims: AccessClaims | RefreshClaims,
    session: DeviceSession,
    *,
    request: HttpRequest | None = None,
) -> bool:
    """Revoke the session of an accepted token at the request of its holder.

    Args:
        claims: the claims of the token.
        session: the session of the token.
        request: the request for the address and for signals, or None.

    Returns:
        Whether this call revoked the session.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    using = router.db_for_write(DeviceSession)
    revoked = revoke_session(
        session,
        reason=RevokedReason.LOGOUT,
        by=session.user,
        request=request,
        logout_token=claims.place,
    )
    if revoked:
        after_commit(
            using,
            lambda: user_logged_out.send_robust(
                sender=session.user.__class__, request=request, user=session.user
            ),
        )
    return revoked


def _find_family(claims: AccessClaims | RefreshClaims, using: str) -> TokenFamily | None:
    try:
        family = select_family(claims, using)
    except TokenFamily.DoesNotExist:
        return None
    if family.session_id != claims.session_id:
        return None
    if isinstance(claims, RefreshClaims) and not claims.matches(family.secret_digest):
        return None
    # Logout is possible whatever the state of the account.
    family.account_permits = True
    return family


def _has_ended(family: TokenFamily) -> bool:
    session = family.session
    return session.revoked_at is not None or session.expires_at <= family.now
