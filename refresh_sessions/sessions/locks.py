"""Locks: serialize changes of a session or a user within their transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import F, QuerySet

from refresh_sessions import user_models
from refresh_sessions.database import in_outer_transaction
from refresh_sessions.models import DeviceSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_QuerySet = TypeVar("_QuerySet", bound=QuerySet)  # type: ignore[type-arg]  # of any model


def lock_session(session_id: UUID, *, using: str) -> None:
    """Lock the row of a session until the end of the transaction, with a no-op UPDATE.

    An UPDATE works on all databases, whereas SQLite has no row locks. Under repeatable read,
    SELECT FOR UPDATE would also leave the transaction with a snapshot from before the lock.
    """
    session = DeviceSession.objects.using(using).filter(pk=session_id)
    session.update(user_agent=F("user_agent"))


def lock_user(user: AbstractBaseUser, *, using: str) -> None:
    """Lock the row of a user until the end of the transaction, like ``lock_session``.

    Call it before ``lock_session``: one order of both locks prevents deadlocks.
    """
    name = get_user_model().USERNAME_FIELD
    user_models.get_user_row(name, user, using=using).update(**{name: F(name)})


def read_after_lock(queryset: _QuerySet, *, using: str, read_before: bool = False) -> _QuerySet:
    """Read the committed state after a lock was acquired.

    A transaction that has read before the lock has an older snapshot under repeatable read.
    PostgreSQL refuses the lock in that case. MySQL and MariaDB return rows of the old snapshot,
    unless the SELECT locks them.

    Args:
        queryset: the queryset to read.
        using: the alias of the database.
        read_before: whether the transaction has read before the lock; an outer transaction is
            assumed to have done so.

    """
    read_before = read_before or in_outer_transaction(using)
    if connections[using].vendor == "mysql" and read_before:
        return queryset.select_for_update()
    return queryset
