"""Signing out: the holder of a token ends its session, and may do so twice."""

from __future__ import annotations

from django.contrib.auth.signals import user_logged_out
from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.database import after_commit, retry_when_busy
from refresh_sessions.models import DeviceSession, RevokedReason, TokenFamily
from refresh_sessions.sessions.revoking import revoke_session
from refresh_sessions.tokens.access import AccessClaims
from refresh_sessions.tokens.refresh import RefreshClaims


@sensitive_variables()
def sign_out(claims: AccessClaims | RefreshClaims, *, request: HttpRequest | None = None) -> bool:
    """End the session of a verified token, of any generation, used or expired as it may be.

    Whoever holds it can do no more than end a session with it, and a person who signs out must
    not be told that their token is too old for that.

    Returns:
        Whether this call ended the session; False when it had ended before.

    Raises:
        DatabaseBusyError: the database did not take the change in several tries.

    """
    using = router.db_for_write(DeviceSession)
    family = retry_when_busy(using, lambda: _find(claims, using))
    if family is None or _has_ended(family):
        return False
    session = family.session
    ended = revoke_session(session, reason=RevokedReason.LOGOUT, by=session.user, request=request)
    if ended:
        after_commit(
            using,
            lambda: user_logged_out.send_robust(
                sender=type(session.user), request=request, user=session.user
            ),
        )
    return ended


def _find(claims: AccessClaims | RefreshClaims, using: str) -> TokenFamily | None:
    families = TokenFamily.objects.using(using).with_owner()
    family = families.filter(pk=claims.family_id, session=claims.session_id).first()
    if family is None:
        return None
    if isinstance(claims, RefreshClaims) and not claims.matches(family.secret_digest):
        return None
    return family


def _has_ended(family: TokenFamily) -> bool:
    session = family.session
    return session.revoked_at is not None or session.expires_at <= family.now
