"""Injection of database errors, before or after the execution of a statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from django.db import connection

from tests.faults.errors import Maker


@dataclass(kw_only=True)
class Fault:
    """An error at statement number ``on``, once or from there on."""

    error: Maker
    on: int
    executed: bool = False
    """The statement is executed before the error is raised."""
    permanent: bool = False
    statements: list[str] = field(default_factory=list)

    @property
    def is_due(self) -> bool:
        number = len(self.statements)
        return number >= self.on if self.permanent else number == self.on

    def __call__(self, execute, sql, params, many, context):
        self.statements.append(sql)
        if not self.is_due:
            return execute(sql, params, many, context)
        if self.executed:
            execute(sql, params, many, context)
        raise self.error()


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """Record all SQL statements."""
    seen: list[str] = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


@contextmanager
def failing_commit(error: Maker, *, executed: bool, times: int = 1) -> Iterator[None]:
    """Raise an error at the next commits, before or after they take effect."""
    commit = connection._commit  # type: ignore[attr-defined]  # all commits use it
    left = [error] * times

    def fail():
        if not left:
            return commit()
        if executed:
            commit()
        else:
            # The server does the same when its client disconnects.
            connection._rollback()
        make = left.pop()
        raise make()

    with mock.patch.object(connection, "_commit", fail):
        yield
