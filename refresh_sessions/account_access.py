"""Account access: whether account, authentication backends and policy let a user continue.

Checked at login, second step, refresh, re-authentication, opening of a family and introspection,
and for each access token. The default manager of the user model is a further condition; the SELECT
that reads the user checks it (``models.owners.is_found``).
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
    """Whether the account is active, and authentication backend and policy accept the user.

    Makes no query, unless a backend overrides ``get_user`` or the policy makes one.

    Args:
        user: the user as stored in the database.
        backend: the dotted path of the backend that authenticated the user. If it is empty or not
            configured any more, every configured backend has to accept the user.
        session: the device session; None at login, or where no session was read.
        request: the request of the user, or None.

    """
    return (
        is_active(user)
        and _backends_accept(user, backend)
        and get_policy().may_continue(user, session=session, request=request)
    )


def get_backend_path(user: Any) -> str:
    """The dotted path of the backend in ``user.backend``; empty if it is not configured."""
    path = getattr(user, "backend", "")
    return path if path in settings.AUTHENTICATION_BACKENDS else ""


def _backends_accept(user: AbstractBaseUser, backend: str) -> bool:
    configured = settings.AUTHENTICATION_BACKENDS
    paths = (backend,) if backend in configured else configured
    return all(_backend_accepts(path, user) for path in paths)


def _backend_accepts(path: str, user: AbstractBaseUser) -> bool:
    needs_get_user, needs_user_check = _required_checks(path)
    if not needs_get_user and not needs_user_check:
        return True
    backend: Any = load_backend(path)
    if needs_get_user:
        return backend.get_user(user.pk) is not None
    return bool(backend.user_can_authenticate(user))


@lru_cache(maxsize=32)
def _required_checks(path: str) -> tuple[bool, bool]:
    """Whether ``get_user`` and ``user_can_authenticate`` of a backend have to be called.

    False for Django's own methods: ``BaseBackend`` only grants permissions, and ``ModelBackend``
    checks the default manager and ``is_active``, as this package does.
    """
    backend = import_string(path)
    get_user = getattr(backend, "get_user", None)
    needs_get_user = get_user not in {None, BaseBackend.get_user, ModelBackend.get_user}
    user_check = getattr(backend, "user_can_authenticate", None)
    return needs_get_user, user_check not in {None, ModelBackend.user_can_authenticate}
