"""Passwords: authentication with Django's backends, and hash upgrades that keep sessions."""

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

_kept_session: ContextVar[UUID | None] = ContextVar("refresh_sessions_kept_session", default=None)


@contextmanager
def keep_session(session_id: UUID) -> Iterator[None]:
    """Exempt a session from revocation when its user's password is saved inside the block."""
    token = _kept_session.set(session_id)
    try:
        yield
    finally:
        _kept_session.reset(token)


def kept_session_id() -> UUID | None:
    """The session that a new password does not revoke, or None."""
    return _kept_session.get()


_plain_password: ContextVar[str | None] = ContextVar(
    "refresh_sessions_plain_password", default=None
)


@sensitive_variables()
def authenticate(
    request: HttpRequest | None, *, password: str, **credentials: Any
) -> AbstractBaseUser | None:
    """Authenticate like Django's ``authenticate``, but keep sessions when a hash is upgraded.

    Backends get the user name as ``username``, or under the name of ``USERNAME_FIELD`` if they
    have such a parameter. A name that this field cannot hold is an unknown name.

    Transient database errors are retried. Among these are conflicts between two logins that
    upgrade the same hash under strict isolation.

    Args:
        request: the request for the backends, or None.
        password: the plain password.
        credentials: other credentials of the backends, such as ``username``.

    Returns:
        The user, or None if no backend accepts the credentials.

    Raises:
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    password = hide(password)
    using = router.db_for_write(auth.get_user_model())
    token = _plain_password.set(password)
    try:
        user = retry_transient(
            using,
            lambda: authenticate_with_backends(request, {**credentials, "password": password}),
        )
    finally:
        _plain_password.reset(token)
    return cast("AbstractBaseUser | None", user)


def connect() -> None:
    """Connect the signal that detects upgraded hashes."""
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
    """Keep the sessions of a user valid when a hash upgrade is saved."""
    password = _plain_password.get()
    if password is None or not _writes_password(sender, update_fields):
        return
    stored = _read_stored_user(instance, using)
    if stored is None or stored.password == instance.password:
        return
    outdated: list[str] = []
    # A backend may store a different password that a directory has accepted.
    if not check_password(password, stored.password, setter=outdated.append):
        return
    if not outdated:
        # A concurrent login has stored its upgraded hash, and the sessions match that one.
        instance.password = stored.password
        return
    # In one transaction, or a concurrent refresh would detect a password change.
    with transaction.atomic(using=using):
        _replace_hash(stored, instance.password, using=using)


def _writes_password(sender: type[Model], update_fields: Collection[str] | None) -> bool:
    model = user_models.find_model_with_column("password")
    has_column = model is not None and issubclass(sender, model)
    return has_column and (update_fields is None or "password" in update_fields)


def _read_stored_user(instance: Model, using: str) -> AbstractBaseUser | None:
    """The stored user as an object of the user model, which sessions refer to."""
    name, value = user_models.get_user_lookup(instance)
    accounts = auth.get_user_model()._base_manager.using(using)
    user: AbstractBaseUser | None = accounts.filter(**{name: value}).first()
    return user


@sensitive_variables()
def _replace_hash(user: AbstractBaseUser, new_hash: str, *, using: str) -> None:
    """Store an upgraded hash, and update the digests in the user's sessions and tickets.

    Raises:
        ConcurrentUpdateError: the stored password differs from that of ``user``.

    """
    account = user_models.get_user_row("password", user, using=using)
    if not account.filter(password=user.password).update(password=new_hash):
        raise ConcurrentUpdateError
    old_digests = list(valid_auth_hashes(user))
    user.password = new_hash
    digest = get_auth_hash(user)
    for model in (DeviceSession, SignInTicket):
        rows = model._default_manager.using(using).filter(user=user.pk, auth_hash__in=old_digests)
        rows.update(auth_hash=digest)
    sessions = DeviceSession.objects.using(using).filter(user=user.pk, auth_hash=digest)
    sessions.update(password_fingerprint=get_password_fingerprint(user))
