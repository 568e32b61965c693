"""Compiled SQL: statements of the hot paths, compiled once per process and database.

Django builds and compiles a queryset again for each execution, which takes several times as long
as the driver and the server. The SQL of these statements depends only on models and database, so
the process keeps it. It is compiled by Django, and executed through ``connection.cursor()``.

Under ASGI each request has a thread of its own, and each thread its connections. So all
connections of a database share the plans, which must not refer to a connection: otherwise they
would keep the connection of a finished thread. Each connection has its own converters.

The compiler of a queryset is not a public interface. If a release of Django lacks what this module
needs, the queryset itself is executed; ``tests/domain/test_compiled_sql.py`` fails then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("refresh_sessions")

_Model = TypeVar("_Model", bound=models.Model)
_Plan = TypeVar("_Plan")

_PLANS: Final[dict[Any, Any]] = {}
"""The plans of the process; None for a statement that cannot be compiled once."""

_CONVERTERS: Final = "_refresh_sessions_converters"
"""The attribute of a connection that has its converters for each plan."""

_Converters: TypeAlias = tuple[tuple[int, tuple[Callable[..., Any], ...], Any], ...]
"""The position of a column, the functions that convert its value, and its expression."""


class _CompileError(Exception):
    """The queryset cannot be compiled once, and is executed itself."""


class CompiledSelect(Generic[_Model]):
    """A SELECT of one object by primary key, with related objects and annotations.

    Args:
        build: returns the queryset, without a condition on the primary key. Its SQL must depend
            only on the models, ``AUTH_USER_MODEL`` and the settings of the connection.

    """

    def __init__(self, build: Callable[[], models.QuerySet[_Model]]) -> None:
        self._build = build

    def get(self, pk: Any, *, using: str) -> _Model:
        """The object with a primary key.

        Raises:
            ObjectDoesNotExist: no row has the primary key; the class of the model.

        """
        connection = connections[using]
        plan = _get_plan(connection, self, lambda: self._compile(pk, using))
        if plan is None:
            return self._build().using(using).get(pk=pk)
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, plan.get_params(pk, connection))
            row = cursor.fetchone()
        if row is None:
            raise plan.root.model.DoesNotExist
        instance: _Model = plan.read(list(row), connection)
        return instance

    def _compile(self, pk: Any, using: str) -> _SelectPlan:
        queryset = self._build().using(using).filter(pk=pk)
        compiler = queryset.query.get_compiler(using)
        sql, params = compiler.as_sql()
        columns = [column for column, *_ in compiler.select]
        return _SelectPlan(
            sql=sql,
            params=tuple(params),
            slot=_find_slot(params, _prepare_pk(queryset.model, pk, compiler.connection)),
            root=_read_part(compiler.klass_info, compiler.select),
            annotations=tuple(compiler.annotation_col_map.items()),
            converted=tuple(
                (position, columns[position]) for position in compiler.get_converters(columns)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The columns of one model in a row."""

    model: Any
    names: tuple[str, ...]
    columns: slice
    related: tuple[tuple[Callable[[Any, Any], None], _Part], ...]

    def read(self, row: list[Any], using: str) -> Any:
        instance = self.model.from_db(using, self.names, row[self.columns])
        for set_related, part in self.related:
            set_related(instance, part.read(row, using))
        return instance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SelectPlan:
    sql: str
    params: tuple[Any, ...]
    slot: int
    """The position of the primary key in the parameters."""
    root: _Part
    annotations: tuple[tuple[str, int], ...]
    converted: tuple[tuple[int, Any], ...]
    """Position and expression of each column whose values are converted."""

    def get_params(self, pk: Any, connection: BaseDatabaseWrapper) -> list[Any]:
        params = list(self.params)
        params[self.slot] = _prepare_pk(self.root.model, pk, connection)
        return params

    def read(self, row: list[Any], connection: BaseDatabaseWrapper) -> Any:
        for position, functions, expression in self._get_converters(connection):
            value = row[position]
            for convert in functions:
                value = convert(value, expression, connection)
            row[position] = value
        instance = self.root.read(row, connection.alias)
        for name, position in self.annotations:
            setattr(instance, name, row[position])
        return instance

    def _get_converters(self, connection: Any) -> _Converters:
        """The functions that convert values of this connection, as in ``SQLCompiler``."""
        known: dict[_SelectPlan, _Converters] = connection.__dict__.setdefault(_CONVERTERS, {})
        if self not in known:
            known[self] = tuple(
                (
                    position,
                    (
                        *connection.ops.get_db_converters(expression),
                        *expression.get_db_converters(connection),
                    ),
                    expression,
                )
                for position, expression in self.converted
            )
        return known[self]


def _read_part(klass_info: Mapping[str, Any], select: Sequence[Any]) -> _Part:
    positions, model = klass_info["select_fields"], klass_info["model"]
    columns = slice(positions[0], positions[-1] + 1)
    names = tuple(column.target.attname for column, *_ in select[columns])
    if names != tuple(field.attname for field in model._meta.concrete_fields):
        raise _CompileError(f"The SELECT has other columns than {model.__name__}")
    return _Part(
        model=model,
        names=names,
        columns=columns,
        related=tuple(
            (info["local_setter"], _read_part(info, select))
            for info in klass_info.get("related_klass_infos", ())
        ),
    )


class CompiledUpdate:
    """An UPDATE of one row by primary key, if the row has the expected values.

    Args:
        build: returns the queryset with the fixed conditions; its SQL must depend only on the
            model and the settings of the connection.
        fields: the names of the updated fields.

    """

    def __init__(self, build: Callable[[], models.QuerySet[Any]], fields: Sequence[str]) -> None:
        self._build = build
        self._fields = tuple(fields)

    def execute(self, instance: models.Model, expected: Mapping[str, Any], *, using: str) -> int:
        """Write the fields of an object to its row.

        Args:
            instance: the object.
            expected: the values that the row must still have.
            using: the alias of the database.

        Returns:
            The number of rows that had the expected values.

        """
        connection = connections[using]
        shape = tuple((name, value is None) for name, value in expected.items())
        plan = _get_plan(connection, (self, shape), lambda: self._compile(expected, using))
        values = {"pk": instance.pk, **expected}
        if plan is None:
            rows = self._build().using(using).filter(**values)
            return rows.update(**{name: getattr(instance, name) for name in self._fields})
        params = [
            field.get_db_prep_save(getattr(instance, field.attname), connection)
            for field in plan.fields
        ]
        params += plan.params
        params += [
            field.get_db_prep_value(values[name], connection) for name, field in plan.expected
        ]
        with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
            cursor.execute(plan.sql, params)
            updated: int = cursor.rowcount
        return updated

    def _compile(self, expected: Mapping[str, Any], using: str) -> _UpdatePlan:
        queryset = self._build().using(using)
        meta = queryset.model._meta
        compiler: Any = queryset.query.get_compiler(using)
        condition, params = compiler.compile(queryset.query.where)
        quote = compiler.connection.ops.quote_name
        fields = [meta.get_field(name) for name in self._fields]
        bound = {"pk": meta.pk}
        conditions = [condition, f"{quote(meta.pk.column)} = %s"]
        for name, value in expected.items():
            field = meta.get_field(name)
            if value is None:
                conditions.append(f"{quote(field.column)} IS NULL")
            else:
                conditions.append(f"{quote(field.column)} = %s")
                bound[name] = field
        assignments = ", ".join(f"{quote(field.column)} = %s" for field in fields)
        return _UpdatePlan(
            sql=f"UPDATE {quote(meta.db_table)} SET {assignments} "  # noqa: S608
            f"WHERE {' AND '.join(conditions)}",
            fields=tuple(fields),
            params=tuple(params),
            expected=tuple(bound.items()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _UpdatePlan:
    sql: str
    fields: tuple[Any, ...]
    params: tuple[Any, ...]
    """The parameters of the fixed condition, which follow those of the fields."""
    expected: tuple[tuple[str, Any], ...]
    """The fields of the condition that have a parameter, in the order of the SQL."""


def _get_plan(connection: Any, key: Any, compile_plan: Callable[[], _Plan]) -> _Plan | None:
    """The plan for the database and the present settings; None if there cannot be one."""
    complete = (key, connection.alias, type(connection), get_user_model(), settings.USE_TZ)
    try:
        plan: _Plan | None = _PLANS[complete]
    except KeyError:
        plan = _PLANS[complete] = _try_to_compile(compile_plan)
    return plan


def _try_to_compile(compile_plan: Callable[[], _Plan]) -> _Plan | None:
    try:
        return compile_plan()
    except (_CompileError, AttributeError, KeyError, TypeError, ValueError):
        logger.warning("A statement is compiled for each execution", exc_info=True)
        return None


def _prepare_pk(model: Any, pk: Any, connection: BaseDatabaseWrapper) -> Any:
    return model._meta.pk.get_db_prep_value(pk, connection)


def _find_slot(params: Sequence[Any], value: Any) -> int:
    """The only position of a value in the parameters."""
    slots = [position for position, param in enumerate(params) if param == value]
    if len(slots) != 1:
        raise _CompileError("The parameters do not have the value once")
    return slots[0]
