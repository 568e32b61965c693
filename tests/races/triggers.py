"""Triggers that reject updates which no code path may make.

A moved hard deadline, an undone revocation, a generation that does not grow: the statement fails
in its thread, and with it the test.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from refresh_sessions.models import DeviceSession, TokenFamily

_SESSIONS = DeviceSession._meta.db_table
_FAMILIES = TokenFamily._meta.db_table

# Name, table, and the condition of a forbidden UPDATE from row OLD to row NEW.
_GUARDS = (
    ("guard_expires_at", _SESSIONS, "NEW.expires_at <> OLD.expires_at"),
    (
        "guard_revoked_at",
        _SESSIONS,
        "OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS NULL"
        " OR NEW.revoked_at <> OLD.revoked_at OR NEW.revoked_reason <> OLD.revoked_reason)",
    ),
    (
        "guard_closed_at",
        _FAMILIES,
        "OLD.closed_at IS NOT NULL AND (NEW.closed_at IS NULL OR NEW.closed_at <> OLD.closed_at)",
    ),
    ("guard_generation", _FAMILIES, "NEW.generation < OLD.generation"),
    (
        # One UPDATE per generation: every issued token increments the number.
        "guard_rotated_at",
        _FAMILIES,
        "NEW.generation = OLD.generation AND NEW.rotated_at IS NOT NULL"
        " AND (OLD.rotated_at IS NULL OR NEW.rotated_at <> OLD.rotated_at)",
    ),
)

_CREATE = {
    "postgresql": (
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION '{name}' USING ERRCODE = 'check_violation'; END $$",
        "CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({forbidden})"
        " EXECUTE FUNCTION {name}()",
    ),
    "mysql": (
        "CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW IF {forbidden} THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{name}'; END IF",
    ),
    "sqlite": (
        "CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN {forbidden}"
        " BEGIN SELECT RAISE(ABORT, '{name}'); END",
    ),
}

_DROP = {
    "postgresql": ("DROP FUNCTION {name}() CASCADE",),
    "mysql": ("DROP TRIGGER {name}",),
    "sqlite": ("DROP TRIGGER {name}",),
}


@contextmanager
def with_triggers() -> Iterator[None]:
    """Create the triggers, drop them at the end."""
    _execute(_CREATE[connection.vendor])
    try:
        yield
    finally:
        _execute(_DROP[connection.vendor])


def _execute(statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for name, table, forbidden in _GUARDS:
            for statement in statements:
                cursor.execute(statement.format(name=name, table=table, forbidden=forbidden))
