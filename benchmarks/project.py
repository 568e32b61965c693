"""The Django project of the benchmarks: settings, and a database that is dropped at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]


class CurrentDatabase:
    """A router that sends all queries to one database, which the benchmark changes."""

    alias = "default"

    def db_for_read(self, model: object, **hints: object) -> str:
        return self.alias

    def db_for_write(self, model: object, **hints: object) -> str:
        return self.alias


@contextmanager
def project(
    name: str, *, aliases: Mapping[str, str] | None = None, keep: bool = False, **settings: Any
) -> Iterator[str]:
    """Set Django up, create the tables in new databases, and drop them at the end.

    Args:
        name: the start of the names of the databases.
        aliases: the ends of the names of the databases by alias; without it only "default".
        keep: keep the databases, and use those that exist.
        settings: Django settings in addition to those of this module.

    Yields:
        The name of the default database.

    """
    with TemporaryDirectory() as directory:
        suffix = "kept" if keep else str(os.getpid())
        aliases = aliases or {"default": "default"}
        databases = {
            alias: _database(f"{name}_{end}_{suffix}", Path(directory))
            for alias, end in aliases.items()
        }
        _configure(databases, settings)
        from django.db import connections

        for alias in aliases:
            connections[alias].creation.create_test_db(verbosity=0, autoclobber=True, keepdb=keep)
        try:
            yield str(databases["default"]["TEST"]["NAME"])
        finally:
            for alias in aliases:
                test_name = connections[alias].settings_dict["TEST"]["NAME"]
                if not keep:
                    connections[alias].creation.destroy_test_db(test_name, verbosity=0)


def require_postgres() -> None:
    """Exit unless ``DATABASE_URL`` names a PostgreSQL server."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        sys.exit("DATABASE_URL must name a PostgreSQL server.")


def echo(text: str) -> None:
    """Print a line of the program's output at once."""
    print(text, flush=True)  # noqa: T201


def _configure(databases: dict[str, dict[str, Any]], more: dict[str, Any]) -> None:
    import django
    from django.conf import settings

    values = {
        "SECRET_KEY": "benchmarks-only-0Zq8Wm3Ln6Xc1Vb5Ty7Ru2Ip9Oa4Sd-Kj",
        "ALLOWED_HOSTS": ["testserver"],
        "DATABASES": databases,
        "INSTALLED_APPS": [
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "rest_framework",
            "refresh_sessions",
        ],
        "MIDDLEWARE": _MIDDLEWARE,
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": _PROCESSORS},
            }
        ],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "STATIC_URL": "static/",
        "USE_TZ": True,
        "TIME_ZONE": "Europe/Berlin",
    }
    settings.configure(**{**values, **more})
    django.setup()


def _database(name: str, directory: Path) -> dict[str, Any]:
    import dj_database_url

    if "DATABASE_URL" not in os.environ:
        file = directory / f"{name}.sqlite3"
        options = {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        engine = "django.db.backends.sqlite3"
        return {"ENGINE": engine, "NAME": file, "OPTIONS": options, "TEST": {"NAME": file}}
    database = dict(dj_database_url.parse(os.environ["DATABASE_URL"]))
    return {**database, "TEST": {"NAME": name}}
