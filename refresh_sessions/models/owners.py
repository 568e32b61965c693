"""SQL expressions: whether the account of a session permits its use."""

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
    """``users.get_password_fingerprint`` of a stored password, computed by the database."""

    arity = 1
    output_field = CharField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        # Django registers the SQL function SHA256 for each connection.
        return self._cut(compiler, connection, "SHA256(%(expressions)s)")

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        return self._cut(compiler, connection, "SHA2(%(expressions)s, 256)")

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _Compiled:
        # Django's SHA256 would need the extension pgcrypto.
        digest = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
        return self._cut(compiler, connection, digest)

    def _cut(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, digest: str
    ) -> _Compiled:
        template = f"SUBSTR({digest}, 1, {FINGERPRINT_LENGTH})"
        return self.as_sql(compiler, connection, template=template)


def finds_every_user() -> bool:
    """Whether the default manager of the user model has no restriction at present."""
    manager = get_user_model()._default_manager
    # Without an override the queryset has no restriction: skip building it on each request.
    if type(manager).get_queryset is models.Manager.get_queryset:
        return True
    query = manager.get_queryset().query
    return not (query.where or query.is_sliced or query.combinator)


def is_found(user_field: str) -> Exists | Value:
    """Whether the default manager of the user model finds the user, as Django's sessions require.

    A constant where the manager finds every user, so as not to slow the query down.

    Args:
        user_field: the path of the foreign key to the user.

    """
    if finds_every_user():
        return Value(value=True, output_field=BooleanField())
    users = get_user_model()._default_manager.get_queryset()
    return Exists(users.filter(pk=OuterRef(user_field)))


def is_inactive() -> Q | None:
    """The condition for sessions of inactive users; None if ``is_active`` is not a column."""
    return Q(user__is_active=False) if is_active_is_column(get_user_model()) else None


def has_other_password() -> Q | None:
    """The condition for sessions older than the password; None if SQL cannot tell."""
    if not auth_hash_follows_password(get_user_model()):
        return None
    present = Q(password_fingerprint=PasswordFingerprint(F("user__password")))
    return Q(password_fingerprint__gt="") & ~present


def is_locked_out() -> Q:
    """The condition for sessions that their account locks out, as far as SQL can tell."""
    never = Q(pk__in=())
    return (is_inactive() or never) | (has_other_password() or never)


def may_be_locked_out() -> Q | None:
    """The condition for sessions that their account may lock out; None if SQL cannot tell."""
    inactive, other_password = is_inactive(), has_other_password()
    if inactive is None or other_password is None:
        return None
    return inactive | other_password | Q(password_fingerprint="")


def account_reason(*, inactive: str, password_changed: str) -> Case:
    """The first applicable reason, or an empty text.

    Args:
        inactive: the reason for inactive users.
        password_changed: the reason for sessions older than the password.

    """
    conditions = ((is_inactive(), inactive), (has_other_password(), password_changed))
    cases = [
        When(condition, then=Value(reason))
        for condition, reason in conditions
        if condition is not None
    ]
    return Case(*cases, default=Value(""), output_field=CharField())
