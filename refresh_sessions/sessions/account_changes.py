"""Account changes: revoke sessions after deactivation, deletion or a password change.

Signals detect the save and the deletion of a user. Changes without signals (``update()``, SQL) are
detected later: by a refused request, a refresh, a login with a session limit, or pruning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import Error, router
from django.db.models import Model
from django.db.models.signals import post_init, post_save, pre_delete, pre_save
from django.http import HttpRequest

from refresh_sessions import user_models
from refresh_sessions.database import (
    after_commit,
    close_broken_connection,
    in_outer_transaction,
    retry_transient,
)
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.identity.passwords import kept_session_id
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.sessions.revoke import (
    Revocation,
    announce_revocation,
    revoke_locked_out,
    revoke_session,
    set_revoked_fields,
)
from refresh_sessions.users import (
    auth_hash_follows_password,
    get_auth_hash,
    is_active,
    is_active_is_column,
)

logger = logging.getLogger("refresh_sessions")

_STORED: Final = "_refresh_sessions_stored"
"""The attribute of a user with the values of its row at the last read or save."""

_DEFAULT_COLUMNS: Final = frozenset({"password", "is_active"})
"""The columns that lock sessions out, unless the user model computes that."""


def connect() -> None:
    """Connect the receivers of this module for all user models."""
    user_models.connect_user_signal(post_init, _remember_row)
    user_models.connect_user_signal(pre_save, _forget_unread_row)
    user_models.connect_user_signal(post_save, _revoke_after_save)
    user_models.connect_user_signal(pre_delete, _revoke_by_deletion)


def revoke_after_refusal(session: DeviceSession, *, request: HttpRequest | None) -> None:
    """Revoke a session that was refused because of its account.

    Does nothing for other sessions. Logs database errors instead of raising them, as the next
    refusal tries again. The refusal rolls back a transaction of the request, so inside one the
    revocation follows when the response is closed.

    Args:
        session: the session as read for the check, with its user.
        request: the request for the address of the event, or None.

    """
    reason = session.account_reason if session.revoked_at is None else ""
    if not reason:
        return
    using = router.db_for_write(DeviceSession)
    revoke = partial(revoke_session, session, reason=reason, request=request)
    revoke_or_log = partial(_try_or_log, revoke, using)
    if request is not None and in_outer_transaction(using):
        _after_response(request, revoke_or_log)
    else:
        after_commit(using, revoke_or_log)


def _remember_row(sender: type[Model], instance: Model, **_: Any) -> None:
    # Runs for each user that is read: it must be cheap.
    values = instance.__dict__
    values[_STORED] = {name: values[name] for name in _watched(sender) if name in values}


def _forget_unread_row(instance: Model, **_: Any) -> None:
    """Ignore the values of a constructed object: its row may differ."""
    if instance._state.adding:  # noqa: SLF001  (documented, in spite of its name)
        instance.__dict__.pop(_STORED, None)


def _revoke_after_save(
    sender: type[Model],
    instance: Model,
    *,
    created: bool,
    update_fields: Collection[str] | None,
    using: str,
    **_: Any,
) -> None:
    """Revoke the sessions that the saved account locks out.

    Runs in the transaction of the save, so that both are committed or neither.
    """
    names = _watched_names(instance, update_fields)
    if not names:
        return
    before: Mapping[str, Any] = instance.__dict__.get(_STORED) or {}
    # Values that the database computes may be missing until they are read.
    saved = {name: instance.__dict__[name] for name in names if name in instance.__dict__}
    if not created:
        if len(saved) == len(names) and _is_unchanged(instance, before, saved, using):
            return
        _revoke_locked_out(instance, using)
    # After the commit, as a rollback restores the previous values.
    instance.__dict__.pop(_STORED, None)
    unsaved = {name: value for name, value in before.items() if name not in names}
    after_commit(using, lambda: instance.__dict__.update({_STORED: {**unsaved, **saved}}))


def _revoke_locked_out(instance: Model, save_alias: str) -> None:
    using = router.db_for_write(DeviceSession)
    name, value = user_models.get_user_lookup(instance)
    sessions = DeviceSession.objects.using(using).filter(**{f"user__{name}": value})
    revoke = partial(revoke_locked_out, sessions, keep=kept_session_id())
    if save_alias != using:
        # Another connection sees the save only after its commit.
        after_commit(save_alias, partial(_try_or_log, revoke, using))
    elif in_outer_transaction(using):
        revoke()
    else:
        _try_or_log(revoke, using)


def _revoke_by_deletion(sender: type[Model], instance: Model, *, using: str, **_: Any) -> None:
    """Announce the revocation of the sessions that are deleted with their user."""
    # A child may be deleted without its parent, the user.
    if not user_models.is_user(sender):
        return
    sessions_alias = router.db_for_write(DeviceSession)
    sessions = DeviceSession.objects.using(sessions_alias).unended().filter(user=instance.pk)
    deleted = retry_transient(sessions_alias, lambda: list(sessions))
    revocation = Revocation(reason=RevokedReason.USER_DELETED)
    for session in deleted:
        set_revoked_fields(session, revocation)
    after_commit(using, lambda: announce_revocation(deleted, revocation))


@lru_cache(maxsize=32)
def _watched(model: type[Model]) -> tuple[str, ...]:
    """The columns that may lock sessions out; all columns if the user model computes that."""
    columns = [field.attname for field in model._meta.concrete_fields]
    user_model = get_user_model()
    # AbstractBaseUser has the constant is_active = True.
    constant = isinstance(getattr(user_model, "is_active", True), bool)
    if auth_hash_follows_password(user_model) and (constant or is_active_is_column(user_model)):
        columns = [name for name in columns if name in _DEFAULT_COLUMNS]
    return tuple(columns)


def _watched_names(instance: Model, update_fields: Collection[str] | None) -> list[str]:
    """The watched columns that a save has written."""
    watched = _watched(type(instance))
    if update_fields is None:
        return list(watched)
    fields = instance._meta.concrete_fields
    written = {field.attname for field in fields if field.name in update_fields}
    return [name for name in watched if name in written or name in update_fields]


def _is_unchanged(
    instance: Model, before: Mapping[str, Any], saved: Mapping[str, Any], using: str
) -> bool:
    if not before.keys() >= saved.keys():
        return False
    if all(before[name] == value for name, value in saved.items()):
        return True
    model: Any = type(instance)
    if _DEFAULT_COLUMNS.issuperset(_watched(model)) or not isinstance(instance, get_user_model()):
        return False
    # All columns are watched: compare the computed values of the old and the new row.
    # In the order of the columns, which from_db() requires.
    names = [name for name in _watched(model) if name in before]
    accounts = (
        model.from_db(using, names, [values[name] for name in names])
        for values in (before, {**before, **saved})
    )
    old, new = ((is_active(account), get_auth_hash(account)) for account in accounts)
    return old == new


def _try_or_log(step: Callable[[], object], using: str) -> None:
    try:
        step()
    except (Error, DatabaseBusyError) as error:
        logger.exception("The sessions of a changed account were not revoked; a later call will")
        if isinstance(error, Error):
            close_broken_connection(error, using)


def _after_response(request: HttpRequest, callback: Callable[[], object]) -> None:
    """Call ``callback`` when the request is closed, after the end of its transaction."""
    close = request.close

    def close_and_call() -> None:
        try:
            close()
        finally:
            callback()

    request.close = close_and_call  # type: ignore[method-assign]  # Django calls no other hook
