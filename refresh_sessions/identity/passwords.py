"""Authentication by Django's backends, and password changes that keep sessions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import auth
from django.contrib.auth.hashers import check_password
from django.db import router, transaction
from django.db.models.signals import pre_save
from django.views.decorators.debug import sensitive_variables

from refresh_sessions import user_models
from refresh_sessions.database import ConcurrentUpdateError, retry_transient
from refresh_sessions.identity.backends import authenticate_with_backends
from refresh_sessions.models import DeviceSession, SignInTicket
from refresh_sessions.redaction import hide
from refresh_sessions.users import get_auth_hash, get_password_fingerprint, valid_auth_hashes

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import Model
    from django.http import HttpRequest

_kept: ContextVar[UUID | None] = ContextVar("refresh_sessions_kept_session", default=None)


@contextmanager
def keep_session(session_id: UUID) -> Iterator[None]:
    """Keep this session while its user is saved with a new password inside the block."""
    token = _kept.set(session_id)
    try:
        yield
    finally:
        _kept.reset(token)


def kept_session_id() -> UUID | None:
    """The session that a new password must not revoke, or None if it revokes them all."""
    return _kept.get()


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
        user = retry_transient(
            using,
            lambda: authenticate_with_backends(request, {**credentials, "password": password}),
        )
    finally:
        _typed.reset(token)
    return cast("AbstractBaseUser | None", user)


def connect() -> None:
    """Have newer hashes noticed before they are stored."""
    user_models.connect_user_signal(pre_save, _update_auth_hashes)


@sensitive_variables()
def _update_auth_hashes(
    sender: type[Model],
    instance: Any,
    *,
    using: str,
    update_fields: Collection[str] | None,
    **_: Any,
) -> None:
    """See to it that a user about to be saved has a hash that the user's sessions know."""
    password = _typed.get()
    if password is None or not _writes_password(sender, update_fields):
        return
    before = _read_stored(instance, using)
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
        _replace_hash(before, instance.password, using=using)


def _writes_password(sender: type[Model], update_fields: Collection[str] | None) -> bool:
    holder = user_models.find_model_with_column("password")
    holds = holder is not None and issubclass(sender, holder)
    return holds and (update_fields is None or "password" in update_fields)


def _read_stored(instance: Model, using: str) -> AbstractBaseUser | None:
    """The user as stored, of the class of which sessions read it."""
    name, value = user_models.get_user_lookup(instance)
    accounts = auth.get_user_model()._base_manager.using(using)
    user: AbstractBaseUser | None = accounts.filter(**{name: value}).first()
    return user


@sensitive_variables()
def _replace_hash(user: AbstractBaseUser, newer: str, *, using: str) -> None:
    """Store a newer hash, and give it to all that knew the older one.

    Raises:
        ConcurrentUpdateError: the stored password is not that of ``user`` any more.

    """
    account = user_models.get_user_row("password", user, using=using)
    if not account.filter(password=user.password).update(password=newer):
        raise ConcurrentUpdateError
    older = list(valid_auth_hashes(user))
    user.password = newer
    digest = get_auth_hash(user)
    for model in (DeviceSession, SignInTicket):
        rows = model._default_manager.using(using).filter(user=user.pk, auth_hash__in=older)
        rows.update(auth_hash=digest)
    sessions = DeviceSession.objects.using(using).filter(user=user.pk, auth_hash=digest)
    sessions.update(password_fingerprint=get_password_fingerprint(user))
