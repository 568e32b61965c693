"""Bulk deletion: delete rows in batches, without loading objects unless the project needs them.

Django's cascade loads each object, builds SQL with each key several times, and takes as long in
Python as the database takes. It is needed only for foreign keys and signal receivers of the
project. Without them, PostgreSQL deletes a batch with all its rows in one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL
from django.db.models.signals import post_delete, pre_delete

from refresh_sessions.database import DatabaseNow, in_outer_transaction, retry_transient

_DIRECT_VENDORS: Final = frozenset({"mysql", "postgresql", "sqlite"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkDeletion:
    """The deletion of old rows with the rows that refer to them."""

    rows: models.QuerySet[Any]
    """The rows, from one database.

    Without joins, as PostgreSQL would lock the joined rows. With a condition that becomes true for
    no further rows, so that the deletion ends.
    """
    oldest_by: str
    """The indexed field that orders the batches."""
    children: Mapping[type[models.Model], str] = field(default_factory=dict)
    """The models that refer to the rows, with the names of their foreign keys."""

    def execute(self, *, batch_size: int, progress: Callable[[int], object] | None = None) -> int:
        """Delete the rows, oldest first; each batch has its own transaction.

        Args:
            batch_size: rows per transaction, without children.
            progress: called after each batch with the number of rows deleted so far.

        Returns:
            The number of deleted rows, without children. Rows that another process has locked are
            skipped.

        Raises:
            DatabaseBusyError: every attempt failed with a transient database error; earlier
                batches stay deleted.

        """
        total, last = 0, None
        while not self.rows.query.is_empty():
            previous = last
            attempt = partial(self._delete_batch, self._after(previous), batch_size)
            deleted, last = retry_transient(self.rows.db, attempt)
            if last is None or (not deleted and last == previous):
                break
            total += deleted
            if deleted and progress is not None:
                progress(total)
        return total

    def _after(self, previous: Any) -> models.QuerySet[Any]:
        """The rows of the next batch.

        Starts where the previous batch ended. From the start, each batch would read the index
        entries of all deleted rows, which stay until a vacuum. Includes equal values.
        """
        rows = self.rows.order_by(self.oldest_by)
        if previous is None:
            return rows
        # The value in the form of the driver, which needs no conversion.
        end = RawSQL("%s", [previous], output_field=rows.model._meta.get_field(self.oldest_by))
        return rows.filter(**{f"{self.oldest_by}__gte": end})

    def _delete_batch(self, rows: models.QuerySet[Any], size: int) -> tuple[int, Any]:
        """Delete a batch; return the number of rows and the last value of ``oldest_by``."""
        connection = connections[rows.db]
        direct = connection.vendor in _DIRECT_VENDORS and self._is_independent()
        batch = rows.values_list("pk", self.oldest_by)[:size]
        # In an outer transaction, the failure below would come at its end.
        if direct and connection.vendor == "postgresql" and not in_outer_transaction(rows.db):
            # A row may get a child after the statement has begun and before the row is locked. The
            # statement does not see the child, and the foreign key fails.
            with suppress(IntegrityError), transaction.atomic(using=rows.db):
                return self._delete_in_one_statement(batch, connection)
        with transaction.atomic(using=rows.db):
            # Several statements: those that delete begin when the rows are locked.
            found = _fetch(batch, connection)
            if not found:
                return 0, None
            keys = self._lock([key for key, _ in found], connection)
            delete = self._delete_by_key if direct else self._cascade
            return delete(keys, connection) if keys else 0, found[-1][1]

    def _is_independent(self) -> bool:
        """Whether the project neither refers to the models nor receives their deletions."""
        own = {self.rows.model, *self.children}
        return not any(
            signal.has_listeners(model) for signal in (pre_delete, post_delete) for model in own
        ) and all(
            # What is not a column is a reverse or generic relation, or one of many to many.
            one.concrete or one.related_model in own
            for model in own
            for one in model._meta.get_fields(include_hidden=True)
        )

    def _tables(self, connection: BaseDatabaseWrapper) -> Iterator[tuple[str, str]]:
        """The quoted tables and key columns, children first."""
        quote = connection.ops.quote_name
        for model, name in self.children.items():
            key: Any = model._meta.get_field(name)
            yield quote(model._meta.db_table), quote(key.column)
        meta = self.rows.model._meta
        yield quote(meta.db_table), quote(meta.pk.column)

    def _delete_in_one_statement(
        self, batch: models.QuerySet[Any, Any], connection: BaseDatabaseWrapper
    ) -> tuple[int, Any]:
        # The arrays are complete before the first deletion. PostgreSQL searches each of their keys
        # in an index, in order; a join could read the index from its start for each batch.
        locked = batch.select_for_update(skip_locked=True)
        sql, params = locked.query.get_compiler(batch.db).as_sql()
        deletions = [
            f"DELETE FROM {table} WHERE {column} = ANY (ARRAY(SELECT id FROM locked)) RETURNING 1"  # noqa: S608
            for table, column in self._tables(connection)
        ]
        parts = [
            f"locked (id, age) AS ({sql})",
            *(f"deleted{number} AS ({deletion})" for number, deletion in enumerate(deletions)),
        ]
        results = (
            f"SELECT count(*) FROM deleted{len(deletions) - 1}",  # noqa: S608
            "SELECT max(age) FROM locked",
        )
        statement = f"WITH {', '.join(parts)} SELECT ({results[0]}), ({results[1]})"
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            deleted, last = cursor.fetchone()
        return deleted, last

    def _lock(self, keys: Sequence[Any], connection: BaseDatabaseWrapper) -> list[Any]:
        """Lock rows in the order of their keys, before their children, as a revocation does.

        By key: on MariaDB and MySQL, a locking range query would block the inserts of logins with
        gap locks. Returns the keys of the rows that no other process has locked.
        """
        features = connection.features
        keys = sorted(keys)
        if not features.has_select_for_update:
            return keys
        locked = self.rows.model._base_manager.using(connection.alias).order_by("pk")
        locked = locked.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        return [key for (key,) in _fetch(locked.filter(pk__in=keys).values_list("pk"), connection)]

    def _delete_by_key(self, keys: Sequence[Any], connection: BaseDatabaseWrapper) -> int:
        size = connection.features.max_query_params or len(keys)
        deleted = 0
        with connection.cursor() as cursor:
            for start in range(0, len(keys), size):
                chunk = keys[start : start + size]
                places = ", ".join(["%s"] * len(chunk))
                for table, column in self._tables(connection):
                    statement = f"DELETE FROM {table} WHERE {column} IN ({places})"  # noqa: S608
                    cursor.execute(statement, chunk)
                deleted += cursor.rowcount
        return deleted

    def _cascade(self, keys: Sequence[Any], connection: BaseDatabaseWrapper) -> int:
        model = self.rows.model
        rows = model._base_manager.using(connection.alias).filter(pk__in=keys)
        deleted: int = rows.delete()[1].get(model._meta.label, 0)
        return deleted


def _fetch(rows: models.QuerySet[Any, Any], connection: BaseDatabaseWrapper) -> list[Any]:
    """The values of a queryset in the form of the driver, which statements accept again."""
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def read_clock(rows: models.QuerySet[Any]) -> datetime | None:
    """The time of the database server; None if there are no rows."""
    now: datetime | None = rows.values_list(DatabaseNow(), flat=True).first()
    return now
