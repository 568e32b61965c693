"""Where a person is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import router
from django.db.models import Prefetch

from refresh_sessions.accounts import known_digests, may_sign_in
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.models.sessions import DeviceSessionQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def own_live_sessions(user: AbstractBaseUser) -> DeviceSessionQuerySet:
    """The live sessions of one user with their families, by two queries for any number.

    Without those that the user's account forbids to use, whatever the user model is.
    """
    # On the primary: a replica that lags would list what has just been ended, and not know
    # what has just signed in.
    using = router.db_for_write(DeviceSession)
    families = Prefetch("families", TokenFamily.objects.using(using))
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    if not may_sign_in(user):
        return sessions.none()
    usable = sessions.filter(auth_hash__in=list(known_digests(user)))
    return usable.prefetch_related(families)
