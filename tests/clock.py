"""A clock for the database and for Python that tests set and move."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import time_machine
from django.db.models import Value

from refresh_sessions.database import DatabaseNow
from refresh_sessions.instants import InstantField
from refresh_sessions.sql import plans


class Clock:
    """A stopped clock, for the database and for Python."""

    def __init__(self, traveller: time_machine.Traveller, start: datetime) -> None:
        self._traveller = traveller
        self.now = start

    def move(self, by: timedelta) -> None:
        """Move the clock forwards or backwards."""
        self.now += by
        self._traveller.move_to(self.now)
        compile_again()

    def compile(self, expression, compiler, connection, **context):
        """Replace the SQL of ``DatabaseNow`` with a parameter for the clock's instant."""
        value = Value(self.now, output_field=InstantField())
        sql, params = value.as_sql(compiler, connection)
        # Servers give a bare parameter no type.
        types = {"postgresql": "timestamptz", "mysql": "datetime(6)"}
        if kind := types.get(connection.vendor):
            sql = f"CAST({sql} AS {kind})"
        return sql, params


def compile_again() -> None:
    """Let statements be compiled again, with the instant of a test's clock."""
    plans.__dict__["_PLANS"] = {}


@contextmanager
def standing_clock(start: datetime | None = None) -> Iterator[Clock]:
    """Stop all clocks."""
    start = start or datetime.now(UTC)
    with time_machine.travel(start, tick=False) as traveller:
        clock = Clock(traveller, start)

        def stand_in(self, compiler, connection, **context):
            return clock.compile(self, compiler, connection, **context)

        vendors = ("as_sql", "as_sqlite", "as_postgresql", "as_mysql")
        stand_ins: dict[str, Any] = dict.fromkeys(vendors, stand_in)
        with (
            mock.patch.multiple(DatabaseNow, **stand_ins),
            mock.patch.object(plans, "_PLANS", {}),
        ):
            compile_again()
            yield clock
