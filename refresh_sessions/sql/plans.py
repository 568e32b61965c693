"""Plans: what is compiled once per process and database.

Under ASGI each request has a thread of its own, and each thread its connections. So all
connections of a database share the plans, which must not refer to a connection: otherwise they
would keep the connection of a finished thread.

The compiler of a queryset is not a public interface. If a release of Django lacks what these
modules need, the queryset itself is executed; ``tests/sql`` fails then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import Query

logger = logging.getLogger("refresh_sessions")

_Plan = TypeVar("_Plan")

_PLANS: Final[dict[Any, Any]] = {}
"""The plans of the process; None for a statement that cannot be compiled once."""


class CompileError(Exception):
    """The queryset cannot be compiled once, and is executed itself."""


def get_plan(connection: Any, key: Any, compile_plan: Callable[[], _Plan]) -> _Plan | None:
    """The plan for the database and the present settings; None if there cannot be one.

    Args:
        connection: the connection of the statement.
        key: the statement, and everything else that its plan depends on; hashable.
        compile_plan: makes the plan.

    """
    complete = (key, connection.alias, type(connection), get_user_model(), settings.USE_TZ)
    try:
        plan: _Plan | None = _PLANS[complete]
    except KeyError:
        plan = _PLANS[complete] = _try_to_compile(compile_plan)
    return plan


def _try_to_compile(compile_plan: Callable[[], _Plan]) -> _Plan | None:
    try:
        return compile_plan()
    except (CompileError, AttributeError, KeyError, TypeError, ValueError):
        logger.warning("A statement is compiled for each execution", exc_info=True)
        return None


def prepare_value(
    field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper
) -> tuple[str, Sequence[Any]]:
    """The SQL of a new value of a column, which may be an expression, and its parameters."""
    prepared = field.get_db_prep_save(value, connection)
    if not hasattr(prepared, "as_sql"):
        return "%s", (prepared,)
    compiler: Any = connection.ops.compiler("SQLCompiler")
    sql, params = compiler(Query(None), connection, connection.alias).compile(prepared)
    return sql, params


def prepare_key(model: Any, pk: Any, connection: BaseDatabaseWrapper) -> Any:
    """The parameter for a primary key."""
    return model._meta.pk.get_db_prep_value(pk, connection)
