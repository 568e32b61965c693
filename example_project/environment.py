"""Reading of environment variables for the settings of the example project."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from refresh_sessions.conf import Settings

# A public key; Django's deployment check warns of keys with this prefix.
_DEVELOPMENT_KEY: Final = "django-insecure-for-development-only-everybody-can-read-this-key"

_YES: Final = frozenset({"1", "true", "yes", "on"})

_SQLITE: Final = "django.db.backends.sqlite3"

_SQLITE_OPTIONS: Final = {
    # With WAL, readers and the writer do not wait for each other. With IMMEDIATE, a writer waits
    # when its transaction begins; a transaction that reads before it writes could not wait, and
    # would fail with "database is locked".
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}


def flag(name: str, *, default: bool) -> bool:
    """Read a boolean variable."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in _YES


def words(name: str, *, default: list[str]) -> list[str]:
    """Read a variable with comma-separated words."""
    value = os.environ.get(name)
    return (
        default if value is None else [word.strip() for word in value.split(",") if word.strip()]
    )


def json_object(name: str) -> dict[str, Any]:
    """Read a variable with a JSON object; empty if the variable is not set."""
    try:
        value = json.loads(os.environ.get(name) or "{}")
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value


def secret_key(*, debug: bool) -> str:
    """The variable ``DJANGO_SECRET_KEY``; optional with DEBUG."""
    key = os.environ.get("DJANGO_SECRET_KEY")
    if key:
        return key
    if not debug:
        raise ImproperlyConfigured("DJANGO_SECRET_KEY must be set when DJANGO_DEBUG is off.")
    return _DEVELOPMENT_KEY


def database(directory: Path) -> dict[str, Any]:
    """The database of ``DATABASE_URL``, or a SQLite file in ``directory``."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return sqlite_database(directory / "db.sqlite3")
    config = _parse(url)
    if config["ENGINE"] == _SQLITE:
        config["OPTIONS"] = {**_SQLITE_OPTIONS, **config.get("OPTIONS", {})}
    return config


def sqlite_database(path: Path) -> dict[str, Any]:
    """A SQLite file for concurrent requests."""
    return {"ENGINE": _SQLITE, "NAME": path, "OPTIONS": _SQLITE_OPTIONS}


def refresh_sessions_options() -> dict[str, Any]:
    """The variable ``EXAMPLE_REFRESH_SESSIONS``: keys of ``REFRESH_SESSIONS``, as JSON.

    A number of seconds becomes a duration, and a list becomes a tuple. The package itself checks
    keys and values.
    """
    options = json_object("EXAMPLE_REFRESH_SESSIONS")
    return {key: _from_json(key, value) for key, value in options.items()}


def _from_json(key: str, value: Any) -> Any:
    default = getattr(Settings(), key, None)
    if isinstance(default, timedelta) and isinstance(value, int | float):
        return timedelta(seconds=value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    return value


def _parse(url: str) -> dict[str, Any]:
    try:
        # Optional: not needed for SQLite.
        import dj_database_url  # noqa: PLC0415
    except ImportError:
        raise ImproperlyConfigured(
            "DATABASE_URL needs dj-database-url: pip install -e '.[example]'"
        ) from None
    # Zero by default: each thread of the development server would leave a connection open.
    conn_max_age = int(os.environ.get("DATABASE_CONN_MAX_AGE", "0"))
    return dict(dj_database_url.parse(url, conn_max_age=conn_max_age, conn_health_checks=True))
