"""SELECT: read one object or one row of values by primary keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from refresh_sessions.sql.plans import CompileError, get_plan, prepare_key

_Model = TypeVar("_Model", bound=models.Model)

_CONVERTERS: Final = "_refresh_sessions_converters"
"""The attribute of a connection that has its converters for each plan."""

_Converters: TypeAlias = tuple[tuple[int, tuple[Callable[..., Any], ...], Any], ...]
"""The position of a column, the functions that convert its value, and its expression."""


class CompiledSelect(Generic[_Model]):
    """A SELECT of one object by primary keys, with related objects and annotations.

    Args:
        build: returns the queryset, without a condition on primary keys. Its SQL must depend only
            on the models, ``AUTH_USER_MODEL`` and the settings of the connection.

    """

    def __init__(self, build: Callable[[], models.QuerySet[_Model]]) -> None:
        self._build = build

    def get(self, *, using: str, **keys: Any) -> _Model:
        """The object with these primary keys.

        Args:
            using: the alias of the database.
            keys: the primary key of the object as ``pk``, and of related objects as in ``filter``.

        Raises:
            ObjectDoesNotExist: no row has the primary keys; the class of the model.

        """
        connection = connections[using]
        plan = get_plan(connection, (self, *keys), lambda: self._compile(keys, using))
        if plan is None:
            return self._build().using(using).get(**keys)
        row = plan.row.fetch(keys, connection)
        if row is None:
            raise plan.root.model.DoesNotExist
        instance: _Model = plan.root.read(row, using)
        for name, position in plan.annotations:
            setattr(instance, name, row[position])
        return instance

    def _compile(self, keys: Mapping[str, Any], using: str) -> _ObjectPlan:
        queryset = self._build().using(using).filter(**keys)
        compiler = queryset.query.get_compiler(using)
        row = _compile_row(compiler, queryset.model, keys)
        return _ObjectPlan(
            row=row,
            root=_read_part(compiler.klass_info, compiler.select),
            annotations=tuple(compiler.annotation_col_map.items()),
        )


class CompiledRow:
    """A SELECT of some values of one row by primary key.

    Args:
        build: returns the queryset of tuples, as ``values_list`` does, for a primary key and
            keyword arguments. The primary key is its only parameter that may differ between
            executions.

    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]]) -> None:
        self.build = build

    def get(self, pk: Any, *, using: str, **arguments: Any) -> tuple[Any, ...] | None:
        """The values of the row with a primary key, or None without one.

        Args:
            pk: the primary key.
            using: the alias of the database.
            arguments: the keyword arguments of ``build``; each combination is compiled.

        """
        connection = connections[using]
        key = (self, *arguments.items())
        plan = get_plan(connection, key, lambda: self._compile(pk, using, arguments))
        if plan is None:
            found: tuple[Any, ...] | None = self.build(pk, **arguments).using(using).first()
            return found
        row = plan.fetch({"pk": pk}, connection)
        return None if row is None else tuple(row)

    def _compile(self, pk: Any, using: str, arguments: Mapping[str, Any]) -> _RowPlan:
        queryset = self.build(pk, **arguments).using(using)
        return _compile_row(queryset.query.get_compiler(using), queryset.model, {"pk": pk})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _RowPlan:
    """A statement, and what its columns need."""

    sql: str
    params: tuple[Any, ...]
    keys: tuple[tuple[str, Any, tuple[int, ...]], ...]
    """Name and model of each primary key, and its positions in the parameters."""
    converted: tuple[tuple[int, Any], ...]
    """Position and expression of each column whose values are converted."""

    def fetch(self, keys: Mapping[str, Any], connection: BaseDatabaseWrapper) -> list[Any] | None:
        """Execute the statement; the values of the row, or None without one."""
        params = list(self.params)
        for name, model, slots in self.keys:
            prepared = prepare_key(model, keys[name], connection)
            for slot in slots:
                params[slot] = prepared
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            fetched = cursor.fetchone()
        return None if fetched is None else self._convert(list(fetched), connection)

    def _convert(self, row: list[Any], connection: BaseDatabaseWrapper) -> list[Any]:
        for position, functions, expression in self._get_converters(connection):
            value = row[position]
            for convert in functions:
                value = convert(value, expression, connection)
            row[position] = value
        return row

    def _get_converters(self, connection: Any) -> _Converters:
        """The functions that convert values of this connection, as in ``SQLCompiler``."""
        known: dict[_RowPlan, _Converters] = connection.__dict__.setdefault(_CONVERTERS, {})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _ObjectPlan:
    row: _RowPlan
    root: _Part
    annotations: tuple[tuple[str, int], ...]


def _compile_row(compiler: Any, model: Any, keys: Mapping[str, Any]) -> _RowPlan:
    sql, params = compiler.as_sql()
    columns = [column for column, *_ in compiler.select]
    return _RowPlan(
        sql=sql,
        params=tuple(params),
        keys=tuple(_find_keys(params, model, keys, compiler.connection)),
        converted=tuple(
            (position, columns[position]) for position in compiler.get_converters(columns)
        ),
    )


def _find_keys(
    params: Sequence[Any], model: Any, keys: Mapping[str, Any], connection: BaseDatabaseWrapper
) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    taken = set[int]()
    for name, value in keys.items():
        related = _get_related_model(model, name)
        slots = _find_slots(params, prepare_key(related, value, connection))
        if not taken.isdisjoint(slots):
            raise CompileError("Two primary keys have the same value")
        taken.update(slots)
        yield name, related, slots


def _get_related_model(model: Any, name: str) -> Any:
    """The model whose primary key a lookup compares."""
    for part in () if name == "pk" else name.split("__"):
        model = model._meta.get_field(part).related_model
    return model


def _find_slots(params: Sequence[Any], key: Any) -> tuple[int, ...]:
    # The number 1 equals the truth value True.
    slots = tuple(
        position
        for position, param in enumerate(params)
        if type(param) is type(key) and param == key
    )
    if not slots:
        raise CompileError("The parameters lack the primary key")
    return slots


def _read_part(klass_info: Mapping[str, Any], select: Sequence[Any]) -> _Part:
    positions, model = klass_info["select_fields"], klass_info["model"]
    columns = slice(positions[0], positions[-1] + 1)
    names = tuple(column.target.attname for column, *_ in select[columns])
    if names != tuple(field.attname for field in model._meta.concrete_fields):
        raise CompileError(f"The SELECT has other columns than {model.__name__}")
    return _Part(
        model=model,
        names=names,
        columns=columns,
        related=tuple(
            (info["local_setter"], _read_part(info, select))
            for info in klass_info.get("related_klass_infos", ())
        ),
    )
