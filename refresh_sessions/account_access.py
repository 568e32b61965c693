"""Whether a user may log in or go on: what the account, the backends and the policy say.

Asked at login, second step, refresh, re-authentication, opening of a family and introspection, and
for each access token that is checked. The default manager of the user model belongs to the same
answer; the SELECT that reads the user asks it (``models.owners.is_found``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import load_backend
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.http import HttpRequest
from django.utils.module_loading import import_string

from refresh_sessions.policies import get_policy
from refresh_sessions.users import is_active

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from refresh_sessions.models import DeviceSession


def may_continue(
    user: AbstractBaseUser,
    *,
    backend: str,
    session: DeviceSession | None,
    request: HttpRequest | None,
) -> bool:
    """Whether the account is active, the authentication backend agrees and the policy as well.

    No query, unless a backend overrides ``get_user`` or the policy makes one.

    Args:
        user: as read from the database.
        backend: the dotted path of the backend that authenticated the user; every configured
            backend has to agree if it is empty or no longer configured.
        session: the device session; None at login, or where no session was read.
        request: the request that the user sent; None if there is none.

    """
    return (
        is_active(user)
        and _backends_agree(user, backend)
        and get_policy().may_continue(user, session=session, request=request)
    )


def get_backend_path(user: Any) -> str:
    """The dotted path of the backend that authenticated a user, as Django notes it; or empty."""
    path = getattr(user, "backend", "")
    return path if path in settings.AUTHENTICATION_BACKENDS else ""


def _backends_agree(user: AbstractBaseUser, backend: str) -> bool:
    configured = settings.AUTHENTICATION_BACKENDS
    asked = (backend,) if backend in configured else configured
    return all(_backend_accepts(path, user) for path in asked)


def _backend_accepts(path: str, user: AbstractBaseUser) -> bool:
    by_key, by_user = _required_checks(path)
    if not by_key and not by_user:
        return True
    backend: Any = load_backend(path)
    if by_key:
        return backend.get_user(user.pk) is not None
    return bool(backend.user_can_authenticate(user))


@lru_cache(maxsize=32)
def _required_checks(path: str) -> tuple[bool, bool]:
    """Whether ``get_user`` and ``user_can_authenticate`` of a backend have to be called.

    Django's own do not: ``BaseBackend`` knows no users, for it only grants permissions, and what
    ``ModelBackend`` asks is the default manager and ``is_active``.
    """
    backend = import_string(path)
    get_user = getattr(backend, "get_user", None)
    by_key = get_user not in {None, BaseBackend.get_user, ModelBackend.get_user}
    by_user = getattr(backend, "user_can_authenticate", None)
    return by_key, by_user not in {None, ModelBackend.user_can_authenticate}
