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
