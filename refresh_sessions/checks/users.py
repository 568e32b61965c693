"""User models and databases of users that sessions cannot work with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.db import connections, router

_METHODS: Final = ("get_username", "get_session_auth_hash", "get_session_auth_fallback_hash")
_APP: Final = "refresh_sessions"


def check_users() -> Iterator[CheckMessage]:
    """Whether the user model has what a login needs, in a database that sessions reach."""
    model: Any = get_user_model()
    missing = [name for name in _METHODS if not callable(getattr(model, name, None))]
    if missing:
        yield Error(
            f"The user model {model._meta.label} has no method "
            f"{' and no '.join(f'{name}()' for name in missing)}, and each login fails.",
            hint="Derive the model from django.contrib.auth.base_user.AbstractBaseUser. A session "
            "compares its session hash, to end when the password changes.",
            id="refresh_sessions.E025",
        )
    yield from _check_databases(model)


def _check_databases(model: Any) -> Iterator[CheckMessage]:
    users = router.db_for_write(model)
    for own in apps.get_app_config(_APP).get_models():
        sessions = router.db_for_write(own)
        if _place(sessions) != _place(users):
            yield Error(
                f"DATABASE_ROUTERS write {model._meta.label} to the database {users!r} and "
                f"{own._meta.label} to {sessions!r}. A session is read together with its user in "
                "one query, which no database answers for another, and each login fails.",
                hint=f"Route the app {_APP!r} to the database of the user model.",
                id="refresh_sessions.E026",
            )
            return


def _place(alias: str) -> tuple[str, ...]:
    """What tells one database from another; two aliases may lead to the same."""
    # Not the connection itself: making one loads its driver.
    settings = connections.settings.get(alias) or {"NAME": alias}
    return tuple(str(settings.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME"))
