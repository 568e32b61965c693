"""Reading what a token speaks of."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth import get_user_model

from refresh_sessions.accounts import is_current, may_sign_in
from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import NoActiveAccountError, SessionRevokedError
from refresh_sessions.models import TokenFamily
from refresh_sessions.rotation import FamilyState

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def read_family(family_id: UUID, *, using: str) -> TokenFamily:
    """The family with its session, its user and the database's clock, in one SELECT.

    Raises:
        SessionRevokedError: it is gone, and its session with it.

    """
    try:
        return TokenFamily.objects.using(using).with_owner().get(pk=family_id)
    except TokenFamily.DoesNotExist:
        raise SessionRevokedError from None


def opened_family_used(family: TokenFamily, *, using: str) -> bool:
    """Whether the newest rotation opened a family, and its first token has been used.

    One query where the newest rotation opened a family, none otherwise.
    """
    if family.opened_family is None:
        return False
    families = TokenFamily.objects.using(using).filter(pk=family.opened_family)
    return families.filter(rotated_at__isnull=False).exists()


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
        delivered_at=family.delivered_at or _signed_out_with_newest(family),
        idle_expires_at=family.idle_expires_at,
        expires_at=session.expires_at,
        revoked=session.revoked_at is not None,
        account_changed=not may_sign_in(user) or not is_current(user, session.auth_hash),
        closed_at=family.closed_at,
        companion_generation=family.companion_generation,
        sibling_answered=family.sibling_answered_at is not None,
        tolerated_generation=family.tolerated_generation,
        recoveries_by_others=family.recoveries_by_others,
    )


def _signed_out_with_newest(family: TokenFamily) -> datetime | None:
    """When somebody signed out with the newest token of the family, which delivers it."""
    session = family.session
    with_it = (session.revoked_family, session.revoked_generation)
    return session.revoked_at if with_it == (family.pk, family.generation) else None


def read_clock(user: AbstractBaseUser, *, using: str) -> datetime:
    """The database's clock, and with it the certainty that the account still exists.

    Raises:
        NoActiveAccountError: it has been deleted.

    """
    account = get_user_model()._base_manager.using(using).filter(pk=user.pk)
    now: datetime | None = account.values_list(DatabaseNow(), flat=True).first()
    if now is None:
        raise NoActiveAccountError
    return now
