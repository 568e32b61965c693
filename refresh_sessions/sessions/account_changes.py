"""Revoking the sessions of an account that was deactivated, deleted, or got another password.

The place that notices first revokes them: here the save and the deletion of the user, and the
first call that is refused. Changes that no signal reports (``update()``, SQL) are noticed by a
refused call, a refresh, a login under a limit of sessions, or by pruning.
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
    mark_revoked,
    revoke_locked_out,
    revoke_session,
)
from refresh_sessions.users import (
    auth_hash_follows_password,
    get_auth_hash,
    is_active,
    is_active_is_column,
)

logger = logging.getLogger("refresh_sessions")

_STORED: Final = "_refresh_sessions_stored"
"""Where an account keeps the values that its row had when it was last read or saved."""

_USUAL: Final = frozenset({"password", "is_active"})
"""The columns that decide who may use a session, unless the user model computes that."""


def connect() -> None:
    """Have the receivers below called, for all models that store a part of the user."""
    user_models.connect_user_signal(post_init, _remember_row)
    user_models.connect_user_signal(pre_save, _forget_unread_row)
    user_models.connect_user_signal(post_save, _revoke_after_save)
    user_models.connect_user_signal(pre_delete, _revoke_by_deletion)


def revoke_after_refusal(session: DeviceSession, *, request: HttpRequest | None) -> None:
    """Revoke a session that was refused because of its account; do nothing for other sessions.

    Never fails: the refusal is the answer, and the next one writes what this one could not. In a
    transaction of the request's, which its refusal rolls back, waits until the response is closed.

    Args:
        session: as read for the check, with its user.
        request: that presented the token, for the address; None if there is none.

    """
    reason = session.account_reason if session.revoked_at is None else ""
    if not reason:
        return
    using = router.db_for_write(DeviceSession)
    revoke = partial(revoke_session, session, reason=reason, request=request)
    revoke_or_log = partial(_do_or_log, revoke, using)
    if request is not None and in_outer_transaction(using):
        _after_response(request, revoke_or_log)
    else:
        after_commit(using, revoke_or_log)


def _remember_row(sender: type[Model], instance: Model, **_: Any) -> None:
    # For each user that any query reads: a few look-ups, and no hash.
    values = instance.__dict__
    values[_STORED] = {name: values[name] for name in _watched(sender) if name in values}


def _forget_unread_row(instance: Model, **_: Any) -> None:
    """Do not take what an object was constructed with for what its row holds."""
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
    """Revoke what the stored account locks out, if the save may have changed that.

    Within the transaction of the save: both are committed, or neither.
    """
    names = _watched_names(instance, update_fields)
    if not names:
        return
    before: Mapping[str, Any] = instance.__dict__.get(_STORED) or {}
    # A value that the database computed may be missing until it is read again.
    saved = {name: instance.__dict__[name] for name in names if name in instance.__dict__}
    if not created:
        if len(saved) == len(names) and _is_unchanged(instance, before, saved, using):
            return
        _revoke_locked_out(instance, using)
    # If the transaction is rolled back, the row is as it was before.
    instance.__dict__.pop(_STORED, None)
    kept = {name: value for name, value in before.items() if name not in names}
    after_commit(using, lambda: instance.__dict__.update({_STORED: {**kept, **saved}}))


def _revoke_locked_out(instance: Model, save_alias: str) -> None:
    using = router.db_for_write(DeviceSession)
    name, value = user_models.get_user_lookup(instance)
    sessions = DeviceSession.objects.using(using).filter(**{f"user__{name}": value})
    revoke = partial(revoke_locked_out, sessions, keep=kept_session_id())
    if save_alias != using:
        # Another connection does not see the save before it is committed.
        after_commit(save_alias, partial(_do_or_log, revoke, using))
    elif in_outer_transaction(using):
        revoke()
    else:
        _do_or_log(revoke, using)


def _revoke_by_deletion(sender: type[Model], instance: Model, *, using: str, **_: Any) -> None:
    """Tell caches and listeners of the sessions that are deleted with their user."""
    # A child can be deleted without its parent, which is the user.
    if not user_models.is_user(sender):
        return
    sessions_alias = router.db_for_write(DeviceSession)
    sessions = DeviceSession.objects.using(sessions_alias).unended().filter(user=instance.pk)
    deleted = retry_transient(sessions_alias, lambda: list(sessions))
    revocation = Revocation(reason=RevokedReason.USER_DELETED)
    for session in deleted:
        mark_revoked(session, revocation)
    after_commit(using, lambda: announce_revocation(deleted, revocation))


@lru_cache(maxsize=32)
def _watched(model: type[Model]) -> tuple[str, ...]:
    """The attributes that decide who may use a session, as far as the code of the model tells."""
    columns = [field.attname for field in model._meta.concrete_fields]
    user_model = get_user_model()
    # Where it is not a column, AbstractBaseUser says that all users are active.
    constant = isinstance(getattr(user_model, "is_active", True), bool)
    if auth_hash_follows_password(user_model) and (constant or is_active_is_column(user_model)):
        columns = [name for name in columns if name in _USUAL]
    return tuple(columns)


def _watched_names(instance: Model, update_fields: Collection[str] | None) -> list[str]:
    """The watched columns that a save has written; Django names them if they are not all."""
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
    if _USUAL.issuperset(_watched(type(instance))) or not isinstance(instance, get_user_model()):
        return False
    # Many columns may decide, or none of those that have changed: so compare what they decide.
    model: Any = type(instance)
    # In the order of the columns, which ``from_db`` relies on.
    names = [name for name in _watched(model) if name in before]
    accounts = (
        model.from_db(using, names, [values[name] for name in names])
        for values in (before, {**before, **saved})
    )
    then, now = ((is_active(account), get_auth_hash(account)) for account in accounts)
    return then == now


def _do_or_log(step: Callable[[], object], using: str) -> None:
    try:
        step()
    except (Error, DatabaseBusyError) as error:
        logger.exception("The sessions of a changed account were not revoked; a later call will")
        if isinstance(error, Error):
            close_broken_connection(error, using)


def _after_response(request: HttpRequest, callback: Callable[[], object]) -> None:
    """Call ``callback`` when the request is closed, which follows the end of its transaction."""
    close = request.close

    def close_and_call() -> None:
        try:
            close()
        finally:
            callback()

    request.close = close_and_call  # type: ignore[method-assign]  # Django calls no other hook
