"""Whether a token would be accepted now, asked without using it (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import router
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import subject_of
from refresh_sessions.conf import get_settings
from refresh_sessions.database import retry_when_busy
from refresh_sessions.exceptions import InvalidTokenError, SessionRevokedError
from refresh_sessions.hidden import hide
from refresh_sessions.models import TokenFamily
from refresh_sessions.rotation import Presenter, judge
from refresh_sessions.sessions.checking import check_state
from refresh_sessions.sessions.reading import read_family, state_of
from refresh_sessions.sessions.rotating import Allowance, rules_in_force
from refresh_sessions.tokens import access, refresh


@sensitive_variables()
def introspect_access_token(token: str) -> Mapping[str, Any] | None:
    """What an access token says, or None unless it would be accepted now.

    Asks the database whatever ``ACCESS_TOKEN_CHECK`` says, and writes nothing: it is no evidence
    that the client has received the token.

    Raises:
        DatabaseBusyError: the database did not answer in several tries.

    """
    token = hide(token)
    try:
        claims = access.verify(token)
        check_state(claims, _read(claims.family_id))
    except (InvalidTokenError, SessionRevokedError):
        return None
    return {"token_type": "Bearer", **access.payload_of(claims)}


@sensitive_variables()
def introspect_refresh_token(token: str) -> Mapping[str, Any] | None:
    """What a refresh token says, or None unless it could be exchanged now.

    The family's secret is not among it. Judges as a refresh does, writes nothing, and ends
    nothing: a used token that comes back here has been shown to a third party, not used.

    Raises:
        DatabaseBusyError: the database did not answer in several tries.

    """
    token = hide(token)
    try:
        claims = refresh.verify(token)
        family = _read(claims.family_id)
    except (InvalidTokenError, SessionRevokedError):
        return None
    if family.session_id != claims.session_id or not claims.matches(family.secret_digest):
        return None
    if not _could_be_exchanged(claims, family):
        return None
    return {
        "token_type": "refresh_token",
        **refresh.payload_of(claims),
        "sub": subject_of(family.session.user),
        "client_id": get_settings().CLIENT_ID,
    }


def _could_be_exchanged(claims: refresh.RefreshClaims, family: TokenFamily) -> bool:
    state = state_of(family)
    verdict = judge(
        claims.generation,
        state,
        # What the client could show when it comes itself, as far as the family knows of it.
        presenter=Presenter(shows_companion=state.companion_known, resembles_last_client=True),
        token_expires_at=claims.expires_at,
        now=family.now,
        rules=rules_in_force(),
    )
    if verdict.mints:
        return Allowance.of(family).permits(claims.generation, state)
    return verdict.repeats


def _read(family_id: Any) -> TokenFamily:
    using = router.db_for_write(TokenFamily)
    return retry_when_busy(using, lambda: read_family(family_id, using=using))
