"""SQL statements with the columns that their parameters fix, and the shards that they touch.

A sharded database sends a statement to one shard only if it can tell from the text and the
parameters of the statement which shard holds all rows of it. This module decides that as those
databases do: by columns that equal a parameter, and by columns that a join sets equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Column = tuple[str, str]
"""Table and column."""

Values = frozenset[str]

_NAME = r"[\"`](\w+)[\"`]"
_TABLE = re.compile(rf"(?:FROM|JOIN|UPDATE|INTO) {_NAME}(?: {_NAME})?")
_COLUMN = rf"{_NAME}\.{_NAME}"
_EQUAL = re.compile(rf"(?:{_NAME}\.)?{_NAME} (?:=|IN) \(?((?:%s(?:, )?)+)")
_JOINED = re.compile(rf"{_COLUMN} = \(?{_COLUMN}")
_INSERT = re.compile(
    rf"INSERT INTO {_NAME} \(([^)]*)\) VALUES (.*?)(?: RETURNING .*)?$"  # noqa: S608  (reads SQL)
)
_CHOICE = re.compile(r"CASE WHEN .*? END")
_ROW = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)")


@dataclass(frozen=True)
class Statement:
    """The tables of a statement and the values of its columns, as far as the text fixes them."""

    sql: str
    tables: frozenset[str]
    fixed: Mapping[Column, Values]
    joined: Sequence[tuple[Column, Column]] = ()

    @property
    def writes(self) -> bool:
        return not self.sql.startswith("SELECT")

    def values(self, column: Column) -> Values | None:
        """The values of a column, or of a column that equals it; None if they are open."""
        known, equal = {column}, [column]
        for current in equal:
            if current in self.fixed:
                return self.fixed[current]
            for pair in self.joined:
                for one, other in (pair, pair[::-1]):
                    if one == current and other not in known:
                        known.add(other)
                        equal.append(other)
        return None


def parse(sql: str, params: Sequence[Any]) -> Statement:
    """Read a statement of Django's compiler."""
    if insert := _INSERT.match(sql):
        return _parse_insert(sql, insert, params)
    aliases = {alias or table: table for table, alias in _TABLE.findall(sql)}
    fixed: dict[Column, Values] = {}
    # An assignment selects no rows, and neither does a comparison that chooses a value.
    others = [_assignments(sql), *(match.span() for match in _CHOICE.finditer(sql))]
    for match in _EQUAL.finditer(sql):
        if _is_inside(match.start(), others):
            continue
        reference, column, marks = match.groups()
        first = sql.count("%s", 0, match.start())
        count = marks.count("%s")
        # The package's own statements name no table in their conditions: they have only one.
        table = aliases[reference or next(iter(aliases))]
        fixed[table, column] = _texts(params[first : first + count])
    joined = [
        ((aliases[one], one_column), (aliases[other], other_column))
        for one, one_column, other, other_column in _JOINED.findall(sql)
        if one in aliases and other in aliases
    ]
    return Statement(sql, frozenset(aliases.values()), fixed, joined)


def _assignments(sql: str) -> tuple[int, int]:
    """Where an UPDATE has its new values, with their subqueries."""
    if not sql.startswith("UPDATE"):
        return (0, 0)
    found = (match.start() for match in re.finditer(" WHERE ", sql))
    end = (at for at in found if sql.count("(", 0, at) == sql.count(")", 0, at))
    return (0, next(end, len(sql)))


def _is_inside(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)


def _parse_insert(sql: str, insert: re.Match[str], params: Sequence[Any]) -> Statement:
    table, names, rows = insert.groups()
    columns = re.findall(_NAME, names)
    fixed: dict[Column, Values] = {}
    left = iter(params)
    for row in _ROW.findall(rows):
        for column, expression in zip(columns, _expressions(row), strict=True):
            if expression == "%s":
                key = (table, column)
                fixed[key] = fixed.get(key, frozenset()) | _texts([next(left)])
    return Statement(sql, frozenset({table}), fixed)


def _expressions(row: str) -> Iterator[str]:
    yield from re.split(r", (?![^()]*\))", row)


def _texts(values: Iterable[Any]) -> Values:
    # Drivers pass identifiers as text with or without hyphens.
    return frozenset(str(value).replace("-", "") for value in values)
