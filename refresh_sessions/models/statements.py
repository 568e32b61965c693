"""Statements: INSERT and UPDATE of rows as text, for logins and logouts.

Django compiles each statement again, which takes as long as its execution or longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_save, pre_save

from refresh_sessions.database import compile_expression


def insert(row: models.Model, *, using: str) -> None:
    """Insert a new object, with the signals of ``save(force_insert=True)``.

    Args:
        row: an object of a model of this package; a generated primary key is not set.
        using: the alias of the database.

    """
    sender = type(row)
    pre_save.send(sender=sender, instance=row, raw=False, using=using, update_fields=None)
    insert_silently(row, using=using)
    post_save.send(
        sender=sender, instance=row, created=True, raw=False, using=using, update_fields=None
    )


def insert_silently(row: models.Model, *, using: str) -> None:
    """Insert a new object without signals, like ``bulk_create``."""
    connection, meta = connections[using], row._meta
    quote = connection.ops.quote_name
    columns: list[str] = []
    placeholders: list[str] = []
    params: list[Any] = []
    for field in meta.local_concrete_fields:
        value = field.pre_save(row, add=True)
        # NULL is the default of these columns, and the database generates the keys.
        if value is not None:
            sql, prepared = _prepare(field, value, connection)
            columns.append(quote(str(field.column)))
            placeholders.append(sql)
            params += prepared
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({', '.join(columns)}) "  # noqa: S608
            f"VALUES ({', '.join(placeholders)})",
            params,
        )
    state = row._state  # noqa: SLF001  (documented, in spite of its name)
    state.adding, state.db = False, using


def update(
    model: type[models.Model],
    keys: Sequence[Any],
    values: Mapping[str, Any],
    *,
    where: str,
    using: str,
) -> int:
    """Update rows without signals, like ``QuerySet.update``.

    Args:
        model: a model of this package.
        keys: the primary keys of the rows, at least one.
        values: the new values by the names of the fields.
        where: a condition in SQL that a row must meet.
        using: the alias of the database.

    Returns:
        The number of rows that met the condition.

    """
    connection, meta = connections[using], model._meta
    quote = connection.ops.quote_name
    assignments: list[str] = []
    new_params: list[Any] = []
    for name, value in values.items():
        field: Any = meta.get_field(name)
        sql, params = _prepare(field, value, connection)
        assignments.append(f"{quote(field.column)} = {sql}")
        new_params += params
    pk, placeholders = quote(str(meta.pk.column)), ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(meta.db_table)} SET {', '.join(assignments)} "  # noqa: S608
            f"WHERE {pk} IN ({placeholders}) AND {where}",
            [*new_params, *(meta.pk.get_db_prep_value(key, connection) for key in keys)],
        )
        updated: int = cursor.rowcount
    return updated


def _prepare(
    field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper
) -> tuple[str, Sequence[Any]]:
    """The SQL of a value for a column, and its parameters."""
    prepared = field.get_db_prep_save(value, connection)
    if hasattr(prepared, "as_sql"):
        return compile_expression(prepared, connection)
    return "%s", (prepared,)
