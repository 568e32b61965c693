"""Where a person is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import router
from django.db.models import Case, Max, OuterRef, Prefetch, Subquery, Value, When
from django.db.models.functions import Coalesce

from refresh_sessions.accounts import is_active, known_digests
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.models.sessions import DeviceSessionQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

LISTED: Final = 200
"""Sessions in one answer; the default of ``MAX_SESSIONS_PER_USER`` allows no more."""


def own_live_sessions(user: AbstractBaseUser) -> DeviceSessionQuerySet:
    """The live sessions of one user with their families, by two queries for any number.

    Without those that the user's account forbids to use, whatever the user model is.
    """
    # On the primary: a replica that lags would list what has just been ended, and not know
    # what has just signed in.
    using = router.db_for_write(DeviceSession)
    families = Prefetch("families", TokenFamily.objects.using(using))
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    if not is_active(user):
        return sessions.none()
    usable = sessions.filter(auth_hash__in=list(known_digests(user)))
    return usable.prefetch_related(families)


def last_used_first(
    sessions: DeviceSessionQuerySet, *, current: UUID | None = None
) -> DeviceSessionQuerySet:
    """In the order of their last use; the session ``current`` before all others."""
    families = TokenFamily.objects.filter(session=OuterRef("pk")).order_by()
    # A token is seen in use only after it was made.
    last_used = families.values("session").annotate(at=Max(Coalesce("delivered_at", "rotated_at")))
    at = Coalesce(Subquery(last_used.values("at")), "created_at")
    elsewhere = Case(When(pk=current, then=Value(0)), default=Value(1))
    return sessions.order_by(elsewhere, at.desc(), "-created_at", "pk")
