"""How many sessions a user may have at a time: room for one more, or a refusal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import Error
from django.db.models import Subquery
from django.http import HttpRequest

from refresh_sessions.conf import get_settings
from refresh_sessions.database import DatabaseNow
from refresh_sessions.exceptions import (
    DatabaseBusyError,
    NoActiveAccountError,
    SessionLimitReachedError,
)
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.ending import Ending, announce, end_many
from refresh_sessions.sessions.reading import read_clock
from refresh_sessions.sessions.revoking import BATCH_SIZE, revoke_sessions
from refresh_sessions.sessions.turns import lock_user, since_the_turn
from refresh_sessions.tenants import cache_prefix

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("refresh_sessions")

UNLOCKED_LOGINS: Final = 32
"""Logins of one user at the same moment for which a limit leaves room without a lock.

A lock costs two statements more at each login. So a large limit takes it only where less room
than this is left; a small one, and one that refuses logins, always.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Room for one more session, and what was revoked for it."""

    now: datetime
    """The database's clock."""
    revoked: Sequence[DeviceSession] = ()
    surplus: Sequence[UUID] = field(default=(), repr=False)
    """Sessions to be revoked after the commit: those beyond one batch, and those that the account
    forbids to use, each for its reason."""
    tenant_prefix: str = field(default_factory=cache_prefix)
    """Of the tenant that was in force when room was made: the commit may come later."""

    def announce(self, request: HttpRequest | None) -> None:
        """Tell of the revoked sessions once they are committed, and revoke the surplus.

        Best effort: the next login revokes what a failure leaves.
        """
        revocation = replace(_revocation(request), tenant_prefix=self.tenant_prefix)
        announce(self.revoked, revocation)
        for start in range(0, len(self.surplus), BATCH_SIZE):
            batch = self.surplus[start : start + BATCH_SIZE]
            sessions = DeviceSession.objects.filter(pk__in=batch)
            try:
                revoke_sessions(sessions, reason=RevokedReason.SESSION_LIMIT, request=request)
            except (DatabaseBusyError, Error) as error:
                logger.warning("Sessions beyond the limit are still live: %s", error)
                return


def make_room(user: AbstractBaseUser, *, request: HttpRequest | None, using: str) -> Room:
    """Revoke the user's oldest sessions until one more fits. Call it inside a transaction.

    A single SELECT where the user has few sessions or no limit.

    Raises:
        NoActiveAccountError: the account has been deleted, or the default manager hides it.
        SessionLimitReachedError: no session fits and ``ON_SESSION_LIMIT`` is "deny".

    """
    limit = get_policy().max_sessions(user, request=request)
    if limit is None:
        return Room(now=read_clock(user, using=using))
    unlocked = limit > UNLOCKED_LOGINS and get_settings().ON_SESSION_LIMIT != "deny"
    if unlocked:
        now, crowded = _read_clock_and_crowd(user, limit - UNLOCKED_LOGINS, using=using)
        if not crowded:
            return Room(now=now)
    lock_user(user, using=using)
    now = read_clock(user, using=using)
    live, locked_out = _read_sessions(user, using=using, read_before_lock=unlocked)
    surplus = live[limit - 1 :]
    if surplus and get_settings().ON_SESSION_LIMIT == "deny":
        raise SessionLimitReachedError
    first, rest = surplus[:BATCH_SIZE], surplus[BATCH_SIZE:]
    revoked = end_many(first, _revocation(request), using=using) if first else []
    return Room(now=now, revoked=revoked, surplus=[*rest, *locked_out])


def _read_clock_and_crowd(
    user: AbstractBaseUser, number: int, *, using: str
) -> tuple[datetime, bool]:
    """The database's clock, and whether the user has this many live sessions, in one SELECT."""
    live = DeviceSession.objects.unended().for_user(user).values("pk")
    account = get_user_model()._default_manager.using(using).filter(pk=user.pk)
    read: Any = account.values_list(DatabaseNow(), Subquery(live[number - 1 : number])).first()
    if read is None:
        raise NoActiveAccountError
    now, last = read
    return now, last is not None


def _read_sessions(
    user: AbstractBaseUser, *, using: str, read_before_lock: bool
) -> tuple[list[UUID], list[UUID]]:
    """The keys of the user's sessions, the newest first: live ones, and locked out ones.

    Sessions that the account forbids to use take no room.
    """
    sessions = DeviceSession.objects.using(using).unended().for_user(user)
    # With the user as stored: the object of the caller's may be older.
    newest_first = sessions.select_related("user").order_by("-created_at", "pk")
    live: list[UUID] = []
    locked_out: list[UUID] = []
    read = since_the_turn(newest_first, using=using, read_before=read_before_lock)
    for session in read.iterator(chunk_size=BATCH_SIZE):
        (locked_out if session.account_reason else live).append(session.pk)
    return live, locked_out


def _revocation(request: HttpRequest | None) -> Ending:
    return Ending(reason=RevokedReason.SESSION_LIMIT, request=request)
