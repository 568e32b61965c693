"""INSERT: write new rows of the package's models, whose SQL is a list of columns."""

from __future__ import annotations

from typing import Any

from django.db import connections, models, transaction
from django.db.models.signals import post_save, pre_save

from refresh_sessions.sql.plans import prepare_value


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
            sql, prepared = prepare_value(field, value, connection)
            columns.append(quote(str(field.column)))
            placeholders.append(sql)
            params += prepared
    with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({', '.join(columns)}) "  # noqa: S608
            f"VALUES ({', '.join(placeholders)})",
            params,
        )
    state = row._state  # noqa: SLF001  (documented, in spite of its name)
    state.adding, state.db = False, using
