"""Introspection: check whether a token is active, without using it (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import router
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.database import retry_transient
from refresh_sessions.exceptions import InvalidTokenError, SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.redaction import hide
from refresh_sessions.rotation import Presenter, judge
from refresh_sessions.sessions.access import check_state
from refresh_sessions.sessions.issue import BEARER, DPOP
from refresh_sessions.sessions.presented_token import get_rotation_rules
from refresh_sessions.sessions.queries import Claims, get_family_state, read_family
from refresh_sessions.sessions.rotate import RefreshQuota
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.users import get_subject


@sensitive_variables()
def introspect_access_token(token: str) -> Mapping[str, Any] | None:
    """The claims of an active access token, or None.

    Reads the row whatever the setting ``ACCESS_TOKEN_CHECK``. Records no delivery, as the request
    does not come from the client.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    token = hide(token)
    try:
        claims = access_tokens.verify(token)
        check_state(claims, _read_family(claims))
    except (InvalidTokenError, SessionRevokedError):
        return None
    token_type = DPOP if claims.key_thumbprint else BEARER
    return {"token_type": token_type, **access_tokens.get_payload(claims)}


@sensitive_variables()
def introspect_refresh_token(token: str) -> Mapping[str, Any] | None:
    """The claims of an active refresh token without the secret, or None.

    Judges like a refresh and writes nothing. A used token does not revoke the session here:
    introspection by a third party is not reuse.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    token = hide(token)
    try:
        claims = refresh_tokens.verify(token)
        family = _read_family(claims)
    except (InvalidTokenError, SessionRevokedError):
        return None
    if family.session_id != claims.session_id or not claims.matches(family.secret_digest):
        return None
    if not _is_exchangeable(claims, family):
        return None
    # RFC 9449 §6.2: the caller must not accept the token without a proof of this key.
    confirmation = {"cnf": {"jkt": family.key_thumbprint}} if family.key_thumbprint else {}
    return {
        "token_type": "refresh_token",
        **refresh_tokens.get_payload(claims),
        **confirmation,
        "sub": get_subject(family.session.user),
        "client_id": get_settings().CLIENT_ID,
    }


def _is_exchangeable(claims: refresh_tokens.RefreshClaims, family: TokenFamily) -> bool:
    state = get_family_state(family)
    verdict = judge(
        claims.generation,
        state,
        # The attributes that the client of the family would have in a refresh.
        presenter=Presenter(shows_companion=state.companion_known, resembles_last_client=True),
        token_expires_at=claims.expires_at,
        now=family.now,
        rules=get_rotation_rules(),
    )
    if verdict.issues_token:
        return RefreshQuota.for_family(family).allows(claims.generation, state)
    return verdict.repeats


def _read_family(claims: Claims) -> TokenFamily:
    using = router.db_for_write(TokenFamily)
    return retry_transient(using, lambda: read_family(claims, using=using))
