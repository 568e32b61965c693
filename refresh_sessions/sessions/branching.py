"""A second family in the same device session, for a second process of the same device.

A watch, a share extension, a tab without shared storage: each gets tokens of its own instead of
racing the others for one. To people it is the same device, and it ends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import router
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.database import commit_when_busy
from refresh_sessions.devices import device_of
from refresh_sessions.exceptions import FamilyLimitReachedError
from refresh_sessions.models import DeviceSession, EventKind, TokenFamily
from refresh_sessions.sessions.checking import AccessGrant, check_state
from refresh_sessions.sessions.issuing import (
    TokenPair,
    extra_claims,
    idle_expiry,
    issue_pair,
)
from refresh_sessions.sessions.proving import require_fresh_proof
from refresh_sessions.sessions.reading import is_stored, read_family
from refresh_sessions.sessions.recording import record
from refresh_sessions.sessions.turns import since_the_turn, take_turn
from refresh_sessions.tokens.access import AccessClaims
from refresh_sessions.tokens.refresh import digest, new_secret


@sensitive_variables()
def branch_session(grant: AccessGrant, *, request: HttpRequest | None = None) -> TokenPair:
    """Open another token family in the session of an accepted access token.

    The new family inherits the proof of identity, which has to be fresh: tokens must not
    multiply in the hands of somebody who merely found one.

    Args:
        grant: what ``check_access_token`` gave for the access token.
        request: for address and user agent.

    Raises:
        ReauthenticationRequiredError: the proof is older than ``REAUTHENTICATION_MAX_AGE``.
        FamilyLimitReachedError: the session has ``MAX_FAMILIES_PER_SESSION`` families.
        SessionRevokedError: the session has ended meanwhile.
        DatabaseBusyError: the database did not take the family in several tries.

    """
    using = router.db_for_write(TokenFamily)
    secret = new_secret()
    family, extra = commit_when_busy(
        using,
        lambda: _branch(grant.claims, request, secret, using),
        is_committed=lambda made: is_stored(made[0], using=using),
    )
    return issue_pair(family, secret=secret, now=family.now, request=request, extra=extra)


def _branch(
    claims: AccessClaims, request: HttpRequest | None, secret: str, using: str
) -> tuple[TokenFamily, Mapping[str, Any]]:
    take_turn(claims.session_id, using=using)
    parent = read_family(claims.family_id, using=using)
    check_state(claims, parent)
    max_age = get_settings().REAUTHENTICATION_MAX_AGE
    require_fresh_proof(parent, claims, max_age=max_age)
    _check_limit(parent.session, using)
    device = device_of(request)
    family = TokenFamily.objects.using(using).create(
        session=parent.session,
        secret_digest=digest(secret),
        idle_expires_at=idle_expiry(parent.session, now=parent.now, request=request),
        last_ip_address=device.ip_address,
        last_user_agent=device.user_agent,
        authenticated_at=parent.authenticated_at,
        authentication_methods=parent.authentication_methods,
    )
    record(
        [parent.session_id],
        EventKind.BRANCHED,
        request=request,
        actor=parent.session.user,
        details={"family": str(family.pk), "user_agent": device.user_agent},
        using=using,
    )
    family.now = parent.now
    # Here, so that a policy that fails leaves no family behind that nobody has tokens of.
    return family, extra_claims(parent.session, request=request)


def _check_limit(session: DeviceSession, using: str) -> None:
    usable = TokenFamily.objects.using(using).usable().filter(session=session)
    families = since_the_turn(usable.values_list("pk"), using=using)
    if len(families) >= get_settings().MAX_FAMILIES_PER_SESSION:
        raise FamilyLimitReachedError
