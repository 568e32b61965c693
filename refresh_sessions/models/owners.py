"""SQL that tells whether the account behind a session still permits its use."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    Value,
    When,
)
from django.db.models.sql.compiler import SQLCompiler

from refresh_sessions.users import (
    FINGERPRINT_LENGTH,
    auth_hash_follows_password,
    is_active_is_column,
)

_Compiled = tuple[str, Any]


class PasswordFingerprint(Func):
    """``accounts.password_fingerprint`` of a stored password, computed by the database."""

    arity = 1
    output_field = CharField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        # Django registers the function SHA256 with each connection.
        return self._cut(compiler, connection, "SHA256(%(expressions)s)")

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        return self._cut(compiler, connection, "SHA2(%(expressions)s, 256)")

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        # Django's SHA256 needs the extension pgcrypto.
        digest = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return self._cut(compiler, connection, digest)

    def _cut(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, digest: str
    ) -> _Compiled:
        template = f"SUBSTR({digest}, 1, {FINGERPRINT_LENGTH})"
        return self.as_sql(compiler, connection, template=template)


def is_found(user_field: str) -> Exists | Value:
    """Whether the default manager of the user model finds a user, as Django's sessions require.

    A constant where the manager finds every user, so that the query is no larger than before.

    Args:
        user_field: the name of the foreign key, seen from the queryset.

    """
    manager = get_user_model()._default_manager
    # What no class overrides restricts nothing, and need not be built on every request.
    if type(manager).get_queryset is not models.Manager.get_queryset:
        users = manager.get_queryset()
        if users.query.where or users.query.is_sliced or users.query.combinator:
            return Exists(users.filter(pk=OuterRef(user_field)))
    return Value(value=True, output_field=BooleanField())


def is_inactive() -> Q | None:
    """Sessions of inactive users, or None where ``is_active`` is not a column."""
    return Q(user__is_active=False) if is_active_is_column(get_user_model()) else None


def has_other_password() -> Q | None:
    """Sessions from before the present password, or None where SQL cannot tell."""
    if not auth_hash_follows_password(get_user_model()):
        return None
    present = Q(password_fingerprint=PasswordFingerprint(F("user__password")))
    return Q(password_fingerprint__gt="") & ~present


def is_locked_out() -> Q:
    """Sessions whose user cannot use them, as far as SQL can tell."""
    nobody = Q(pk__in=())
    return (is_inactive() or nobody) | (has_other_password() or nobody)


def account_reason(*, inactive: str, password_changed: str) -> Case:
    """The first of these reasons that applies, or an empty text."""
    known = ((is_inactive(), inactive), (has_other_password(), password_changed))
    cases = [When(found, then=Value(reason)) for found, reason in known if found is not None]
    return Case(*cases, default=Value(""), output_field=CharField())
