"""Have the database fail at one statement, before or after it was carried out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from django.db import connection

from tests.faults.errors import Maker


@dataclass(kw_only=True)
class Fault:
    """An error at the ``on``-th statement, once or from there on."""

    error: Maker
    on: int
    carried_out: bool = False
    """The statement takes effect, and only then the error comes."""
    lasting: bool = False
    statements: list[str] = field(default_factory=list)

    @property
    def is_due(self) -> bool:
        number = len(self.statements)
        return number >= self.on if self.lasting else number == self.on

    def __call__(self, execute, sql, params, many, context):
        self.statements.append(sql)
        if not self.is_due:
            return execute(sql, params, many, context)
        if self.carried_out:
            execute(sql, params, many, context)
        raise self.error()


@contextmanager
def statements_seen() -> Iterator[list[str]]:
    """Collect all statements that go to the database."""
    seen: list[str] = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


@contextmanager
def failing_commit(error: Maker, *, carried_out: bool, times: int = 1) -> Iterator[None]:
    """Have the next commits fail, before or after they took effect."""
    commit = connection._commit  # type: ignore[attr-defined]  # where all commits pass
    left = [error] * times

    def fail():
        if not left:
            return commit()
        if carried_out:
            commit()
        else:
            # So does a server whose client has gone.
            connection._rollback()
        make = left.pop()
        raise make()

    with mock.patch.object(connection, "_commit", fail):
        yield
