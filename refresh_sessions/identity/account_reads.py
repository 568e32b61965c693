"""Account reads: record which accounts the authentication backends read from the database.

Collations treat different spellings as equal, some even all emoji, and so may managers and
backends of the project. Only the rows that a backend has read tell which account a name denotes. A
separate query would cost time and would ignore the backends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.db.models.signals import post_init

from refresh_sessions import user_models

if TYPE_CHECKING:
    from django.db.models import Model

MAX_ACCOUNTS: Final = 8
"""Recorded accounts per login; a backend that reads more does not look up a single name."""

_tracked: ContextVar[list[Model] | None] = ContextVar(
    "refresh_sessions_watched_accounts", default=None
)


class Accounts:
    """The accounts that were read inside ``watch_accounts``."""

    def __init__(self, instances: list[Model]) -> None:
        self._instances = instances

    @property
    def keys(self) -> list[str]:
        """The distinct keys of the accounts, without users that are not stored."""
        stored = (part for part in self._instances if not part._state.adding)  # noqa: SLF001
        return list(dict.fromkeys(map(_get_key, stored)))


@contextmanager
def watch_accounts() -> Iterator[Accounts]:
    """Record the users that are read from the database inside the block."""
    instances: list[Model] = []
    token = _tracked.set(instances)
    try:
        yield Accounts(instances)
    finally:
        _tracked.reset(token)


def connect() -> None:
    """Connect the signal that records users."""
    user_models.connect_user_signal(post_init, _track_account)


def _track_account(instance: Model, **_: Any) -> None:
    instances = _tracked.get()
    if instances is not None and len(instances) < MAX_ACCOUNTS:
        instances.append(instance)


def _get_key(part: Model) -> str:
    """The primary key of the user, or name and key of a parent, whose keys are independent."""
    name, value = user_models.get_user_lookup(part)
    return str(value) if name == "pk" else f"{name} {value}"
