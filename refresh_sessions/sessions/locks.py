"""Changes that have to see each other, and so take turns."""

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
    """Have others who take turns with this session wait until the transaction ends.

    A change that changes nothing, because it works everywhere: SQLite has no row locks, and
    under repeatable read a lock alone would leave this transaction with a view of the session
    from before its turn.
    """
    session = DeviceSession.objects.using(using).filter(pk=session_id)
    session.update(user_agent=F("user_agent"))


def lock_user(user: AbstractBaseUser, *, using: str) -> None:
    """Have logins and changes of one user wait for each other, in the way of ``lock_session``.

    Call it before ``lock_session``: all take the two locks in this order.
    """
    name = get_user_model().USERNAME_FIELD
    user_models.get_user_row(name, user, using=using).update(**{name: F(name)})


def read_after_lock(queryset: _QuerySet, *, using: str, read_before: bool = False) -> _QuerySet:
    """Read what those before us in turn have committed.

    Where the transaction is the caller's, it may have looked at the database before our turn
    came. Under repeatable read PostgreSQL has refused our turn then; MySQL and MariaDB would
    go on showing what was there at that first look, unless the rows are locked as well.

    Args:
        queryset: what is to be read.
        using: the alias of the database.
        read_before: whether this transaction of ours has read before the lock.

    """
    read_before = read_before or in_outer_transaction(using)
    if connections[using].vendor == "mysql" and read_before:
        return queryset.select_for_update()
    return queryset
