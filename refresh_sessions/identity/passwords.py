"""Asking Django's backends for a user, without ending sessions over a newer hash.

A session ends when its user's password changes, which shows in Django's session hash. But Django
also stores a password that it has just checked anew when the hashers in the settings, or their
work factor in a new release, have changed. That is the same password: sessions go on.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.hashers import check_password
from django.db import router, transaction
from django.db.models.signals import pre_save
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.accounts import auth_digest, known_digests, password_fingerprint
from refresh_sessions.database import LostRaceError, retry_when_busy
from refresh_sessions.hidden import hide
from refresh_sessions.identity.backends import ask_backends
from refresh_sessions.models import DeviceSession, SignInTicket

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

_typed: ContextVar[str | None] = ContextVar("refresh_sessions_typed_password", default=None)


@sensitive_variables()
def authenticate(
    request: HttpRequest | None, *, password: str, **credentials: Any
) -> AbstractBaseUser | None:
    """Do what Django's ``authenticate`` does; a newer hash of the password ends no session.

    Backends get the user name as ``username``, or under the name of ``USERNAME_FIELD`` where their
    signature has that. A name that this field cannot hold is one that nobody has.

    The backends are asked again when two sign-ins store a newer hash at once, which strict
    isolation levels refuse, and when the database fails in passing.

    Args:
        request: for the backends.
        password: as it was typed.
        credentials: what the backends ask for besides, such as ``username``.

    Returns:
        The user, or None if no backend accepts the credentials.

    Raises:
        DatabaseBusyError: every try failed in passing ways.

    """
    password = hide(password)
    using = router.db_for_write(auth.get_user_model())
    token = _typed.set(password)
    try:
        user = retry_when_busy(
            using, lambda: ask_backends(request, {**credentials, "password": password})
        )
    finally:
        _typed.reset(token)
    return cast("AbstractBaseUser | None", user)


def connect() -> None:
    """Have newer hashes noticed before they are stored."""
    pre_save.connect(
        _carry_sessions_over,
        sender=settings.AUTH_USER_MODEL,
        dispatch_uid="refresh_sessions.carry_sessions_over",
    )


@sensitive_variables()
def _carry_sessions_over(
    sender: type[AbstractBaseUser], instance: AbstractBaseUser, using: str, **_: Any
) -> None:
    """See to it that a user about to be saved has a hash that the user's sessions know."""
    password = _typed.get()
    if password is None:
        return
    accounts = sender._base_manager.using(using).filter(pk=instance.pk)
    before = accounts.first()
    if before is None or before.password == instance.password:
        return
    outdated: list[str] = []
    # A backend may store another password than before, one that a directory has accepted.
    if not check_password(password, before.password, setter=outdated.append):
        return
    if not outdated:
        # Another sign-in was first with its newer hash, which its sessions know.
        instance.password = before.password
        return
    # Hash and sessions change at once, or a refresh in between would find a changed password.
    with transaction.atomic(using=using):
        if not accounts.filter(password=before.password).update(password=instance.password):
            raise LostRaceError
        _remember(instance, instead_of=list(known_digests(before)), using=using)


def _remember(user: AbstractBaseUser, *, instead_of: list[str], using: str) -> None:
    """Give all that knew the older hash the newer one."""
    for model in (DeviceSession, SignInTicket):
        rows = model._default_manager.using(using).filter(user=user.pk, auth_hash__in=instead_of)
        rows.update(auth_hash=auth_digest(user))
    sessions = DeviceSession.objects.using(using).filter(user=user.pk, auth_hash=auth_digest(user))
    sessions.update(password_fingerprint=password_fingerprint(user))
