"""Reading what a token speaks of."""

from __future__ import annotations

from uuid import UUID

from refresh_sessions.accounts import is_current, may_sign_in
from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.rotation import FamilyState, Rules


def read_family(family_id: UUID, *, using: str) -> TokenFamily:
    """The family with its session, its user and the database's clock, in one SELECT.

    Raises:
        SessionRevokedError: it is gone, and its session with it.

    """
    try:
        return TokenFamily.objects.using(using).with_owner().get(pk=family_id)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None


def is_stored(family: TokenFamily, *, using: str) -> bool:
    """Whether a family that was to be created is there."""
    return TokenFamily.objects.using(using).filter(pk=family.pk).exists()


def state_of(family: TokenFamily) -> FamilyState:
    """What the rotation rule has to know of a family read by ``read_family``."""
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


def rules_for(family: TokenFamily) -> Rules:
    """The settings and limits by which tokens of the family are judged."""
    settings, session = get_settings(), family.session
    limit = get_policy().max_refreshes(session.user, session=session)
    return Rules(
        overlap=settings.ROTATION_OVERLAP,
        lost_response_recovery=settings.LOST_RESPONSE_RECOVERY,
        max_refreshes=limit,
        # The limit is the session's; only where there is one is it worth another query.
        refreshes_elsewhere=0 if limit is None else family.refreshes_elsewhere(),
    )
