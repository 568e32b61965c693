"""Inserts: write new rows with statements as text.

Django compiles the INSERT of each object again, which takes as long as its execution.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, models
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
    columns, placeholders = [], []
    params: list[Any] = []
    for field in meta.local_concrete_fields:
        if field is meta.auto_field:
            continue
        value = field.get_db_prep_save(field.pre_save(row, add=True), connection)
        placeholder, values = (
            compile_expression(value, using) if hasattr(value, "as_sql") else ("%s", (value,))
        )
        columns.append(connection.ops.quote_name(str(field.column)))
        placeholders.append(placeholder)
        params += values
    table = connection.ops.quote_name(meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
            f"VALUES ({', '.join(placeholders)})",
            params,
        )
    state = row._state  # noqa: SLF001  (documented, in spite of its name)
    state.adding, state.db = False, using
