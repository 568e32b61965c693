"""UPDATE: change one row by primary key, if it still has the expected values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connections, models, transaction

from refresh_sessions.sql.plans import get_plan, prepare_key, prepare_value


class CompiledUpdate:
    """An UPDATE of one row by primary key, without signals, as ``QuerySet.update``.

    Args:
        model: the model of the row.
        build: returns the queryset with the fixed conditions. Its SQL must depend only on the
            model and the settings of the connection.

    """

    def __init__(
        self, model: type[models.Model], build: Callable[[], models.QuerySet[Any]]
    ) -> None:
        self._model, self._build = model, build

    def execute(
        self,
        pk: Any,
        values: Mapping[str, Any],
        *,
        using: str,
        expected: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write values to a row.

        Args:
            pk: the primary key.
            values: the new values, or expressions without columns, by the names of the fields.
            using: the alias of the database.
            expected: the values that the row must still have, by the names of the fields.

        Returns:
            Whether the row met the conditions.

        """
        connection, expected = connections[using], expected or {}
        assigned = {
            name: prepare_value(self._get_field(name), value, connection)
            for name, value in values.items()
        }
        form = _Form(
            assigned=tuple((name, sql) for name, (sql, _) in assigned.items()),
            expected=tuple((name, value is None) for name, value in expected.items()),
        )
        plan = get_plan(connection, (self, form), lambda: self._compile(form, using))
        if plan is None:
            rows = self._build().using(using).filter(pk=pk, **expected)
            return rows.update(**values) > 0
        params = [param for _, prepared in assigned.values() for param in prepared]
        params += [*plan.params, prepare_key(self._model, pk, connection)]
        params += [
            self._get_field(name).get_db_prep_value(value, connection)
            for name, value in expected.items()
            if value is not None
        ]
        with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
            cursor.execute(plan.sql, params)
            updated: bool = cursor.rowcount > 0
        return updated

    def _compile(self, form: _Form, using: str) -> _Plan:
        rows = self._build().using(using)
        compiler = rows.query.get_compiler(using)
        condition, params = compiler.compile(rows.query.where)
        quote = compiler.connection.ops.quote_name

        def column(name: str) -> str:
            quoted: str = quote(self._get_field(name).column)
            return quoted

        assignments = [f"{column(name)} = {sql}" for name, sql in form.assigned]
        conditions = [condition, f"{column(self._model._meta.pk.name)} = %s"]
        conditions += [
            f"{column(name)} {'IS NULL' if is_null else '= %s'}" for name, is_null in form.expected
        ]
        return _Plan(
            sql=f"UPDATE {quote(self._model._meta.db_table)} "  # noqa: S608
            f"SET {', '.join(assignments)} WHERE {' AND '.join(conditions)}",
            params=tuple(params),
        )

    def _get_field(self, name: str) -> Any:
        return self._model._meta.get_field(name)


class _Form(NamedTuple):
    """What the SQL depends on."""

    assigned: tuple[tuple[str, str], ...]
    """The field and the SQL of each new value."""
    expected: tuple[tuple[str, bool], ...]
    """The field of each expected value, and whether it is NULL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    sql: str
    params: tuple[Any, ...]
    """The parameters of the fixed conditions, which follow those of the values."""
