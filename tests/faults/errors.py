"""Database errors, wrapped as Django wraps them.

The package examines the cause of Django's error. The causes are real exception classes of the
installed drivers, with the codes and messages of the servers.
"""

import sqlite3
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import django.db

Maker = Callable[[], django.db.Error]


def _wrapped(cause: Exception) -> django.db.Error:
    """Wrap an error in Django's class of the same name, as ``DatabaseErrorWrapper`` does."""
    kind = next(
        getattr(django.db, parent.__name__)
        for parent in type(cause).__mro__
        if hasattr(django.db, parent.__name__)
    )
    error: django.db.Error = kind(*cause.args)
    error.__cause__ = cause
    return error


def _sqlite(text: str, code: int) -> Maker:
    def make():
        cause = sqlite3.OperationalError(text)
        cause.sqlite_errorcode = code
        return _wrapped(cause)

    return make


def _psycopg(name: str, text: str) -> Maker:
    def make():
        driver = import_module("psycopg")
        kind = getattr(driver.errors, name, None) or getattr(driver, name)
        return _wrapped(kind(text))

    return make


def _mysql(code: int, text: str) -> Maker:
    def make():
        driver = import_module("MySQLdb")
        return _wrapped(driver.OperationalError(code, text))

    return make


_TRANSIENT: dict[str, tuple[str, Maker]] = {
    "busy": ("sqlite3", _sqlite("database is locked", sqlite3.SQLITE_BUSY)),
    "busy snapshot": ("sqlite3", _sqlite("database is locked", sqlite3.SQLITE_BUSY_SNAPSHOT)),
    "locked": ("sqlite3", _sqlite("database table is locked", sqlite3.SQLITE_LOCKED)),
    "serialization": ("psycopg", _psycopg("SerializationFailure", "could not serialize access")),
    "deadlock": ("psycopg", _psycopg("DeadlockDetected", "deadlock detected")),
    "lock timeout": ("psycopg", _psycopg("LockNotAvailable", "canceling statement")),
    "pooler": ("psycopg", _psycopg("ProtocolViolation", "query_wait_timeout")),
    "too many clients": ("psycopg", _psycopg("TooManyConnections", "too many clients already")),
    "starting up": ("psycopg", _psycopg("CannotConnectNow", "the database is starting up")),
    "now a standby": ("psycopg", _psycopg("ReadOnlySqlTransaction", "cannot execute UPDATE")),
    "1020": ("MySQLdb", _mysql(1020, "Record has changed since last read")),
    "1047": ("MySQLdb", _mysql(1047, "WSREP has not yet prepared node for application use")),
    "1205": ("MySQLdb", _mysql(1205, "Lock wait timeout exceeded")),
    "1213": ("MySQLdb", _mysql(1213, "Deadlock found when trying to get lock")),
    "1290": ("MySQLdb", _mysql(1290, "running with the --read-only option")),
}

_CONNECTION_LOST: dict[str, tuple[str, Maker]] = {
    "interface": ("sqlite3", lambda: _wrapped(sqlite3.InterfaceError("connection closed"))),
    "shutdown": ("psycopg", _psycopg("AdminShutdown", "terminating connection")),
    "crash": ("psycopg", _psycopg("CrashShutdown", "terminating connection")),
    "closed": ("psycopg", _psycopg("OperationalError", "server closed the connection")),
    "closed cursor": ("psycopg", _psycopg("InterfaceError", "the connection is closed")),
    "1180": ("MySQLdb", _mysql(1180, "provider status: Not connected to Primary Component")),
    "2006": ("MySQLdb", _mysql(2006, "Server has gone away")),
    "2013": ("MySQLdb", _mysql(2013, "Lost connection to server during query")),
    "4031": ("MySQLdb", _mysql(4031, "disconnected by the server because of inactivity")),
    "1927": ("MySQLdb", _mysql(1927, "Connection was killed")),
}

_PERMANENT: dict[str, tuple[str, Maker]] = {
    "no such table": ("sqlite3", _sqlite("no such table", sqlite3.SQLITE_ERROR)),
    "corrupt": ("sqlite3", _sqlite("database disk image is malformed", sqlite3.SQLITE_CORRUPT)),
    "unique": ("sqlite3", lambda: _wrapped(sqlite3.IntegrityError("UNIQUE constraint failed"))),
    "misuse": ("sqlite3", lambda: _wrapped(sqlite3.ProgrammingError("Incorrect bindings"))),
    "undefined table": ("psycopg", _psycopg("UndefinedTable", "relation does not exist")),
    "unique violation": ("psycopg", _psycopg("UniqueViolation", "duplicate key value")),
    "data": ("psycopg", _psycopg("NumericValueOutOfRange", "integer out of range")),
    "denied": ("psycopg", _psycopg("InsufficientPrivilege", "permission denied")),
    "1146": ("MySQLdb", _mysql(1146, "Table doesn't exist")),
    "1142": ("MySQLdb", _mysql(1142, "UPDATE command denied to user")),
}


def _installed(errors: dict[str, tuple[str, Maker]]) -> dict[str, Maker]:
    return {name: make for name, (driver, make) in errors.items() if find_spec(driver)}


CONNECTION_LOST = _installed(_CONNECTION_LOST)
"""The connection broke: the outcome of the statement is unknown."""

TRANSIENT = {**_installed(_TRANSIENT), **CONNECTION_LOST}
"""The same statement may succeed if it is retried."""

PERMANENT = _installed(_PERMANENT)
"""A retry cannot succeed."""
