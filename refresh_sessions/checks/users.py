"""Checks of the user model and its database."""

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
    """Check that the user model has the methods for a login, in the database of the sessions."""
    model: Any = get_user_model()
    missing = [name for name in _METHODS if not callable(getattr(model, name, None))]
    if missing:
        yield Error(
            f"The user model {model._meta.label} has no method "
            f"{' and no '.join(f'{name}()' for name in missing)}: each login fails.",
            hint="Derive the model from django.contrib.auth.base_user.AbstractBaseUser. Its "
            "session hash revokes sessions after a password change.",
            id="refresh_sessions.E025",
        )
    yield from _check_databases(model)


def _check_databases(model: Any) -> Iterator[CheckMessage]:
    users = router.db_for_write(model)
    for own in apps.get_app_config(_APP).get_models():
        sessions = router.db_for_write(own)
        if _identify(sessions) != _identify(users):
            yield Error(
                f"DATABASE_ROUTERS write {model._meta.label} to the database {users!r} and "
                f"{own._meta.label} to {sessions!r}. A session and its user are read in one "
                "query, which needs one database: each login fails.",
                hint=f"Route the app {_APP!r} to the database of the user model.",
                id="refresh_sessions.E026",
            )
            return


def _identify(alias: str) -> tuple[str, ...]:
    """The settings that identify a database; two aliases can have the same database."""
    # Not connections[alias]: it imports the database driver.
    settings = connections.settings.get(alias) or {"NAME": alias}
    return tuple(str(settings.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME"))
