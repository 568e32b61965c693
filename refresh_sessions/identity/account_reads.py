"""Which accounts the authentication backends look at, whatever they take for a name of theirs.

Collations equate spellings that no list has, such as all emoji at once, and so do managers and
backends of the project's own. Only what was read from the database tells which account a name
stands for; a query of ours would ask again, and know nothing of the backends.
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
"""Accounts that are remembered of one login; a backend that reads more is not about a name."""

_tracked: ContextVar[list[Model] | None] = ContextVar(
    "refresh_sessions_watched_accounts", default=None
)


class Accounts:
    """The accounts that were read meanwhile."""

    def __init__(self, read: list[Model]) -> None:
        self._read = read

    @property
    def keys(self) -> list[str]:
        """What identifies them, each once; users that were made and not read have none."""
        stored = (part for part in self._read if not part._state.adding)  # noqa: SLF001
        return list(dict.fromkeys(map(_key, stored)))


@contextmanager
def watch_accounts() -> Iterator[Accounts]:
    """Remember which users are read from the database."""
    read: list[Model] = []
    token = _tracked.set(read)
    try:
        yield Accounts(read)
    finally:
        _tracked.reset(token)


def connect() -> None:
    """Have users noticed when they are read."""
    user_models.connect_user_signal(post_init, _track_account)


def _track_account(instance: Model, **_: Any) -> None:
    watched = _tracked.get()
    if watched is not None and len(watched) < MAX_ACCOUNTS:
        watched.append(instance)


def _key(part: Model) -> str:
    """The primary key of the user; for a parent its own, which may be that of another user."""
    name, value = user_models.get_user_lookup(part)
    return str(value) if name == "pk" else f"{name} {value}"
