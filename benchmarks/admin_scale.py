"""The session admin with a million sessions: queries, times and query plans of each page.

    DATABASE_URL=postgres://… python -m benchmarks.admin_scale
    DATABASE_URL=postgres://… python -m benchmarks.admin_scale --sessions 100000

The benchmark creates a database on the same PostgreSQL server, fills it, and drops it at the end.
The exit status is 1 if a page scans a large table, or takes more than twelve queries.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

USERS_IN_TEN = 2


def main() -> int:
    """Create the database, open every page and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=1_000_000)
    sessions = parser.parse_args().sessions
    _configure()
    from django.db import connection

    database = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return _measure(sessions, database)
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["TEST"]["NAME"], verbosity=0)


def _measure(sessions: int, database: str) -> int:
    from tests.admin.bulk_data import fill
    from tests.admin.page_measurements import measure_pages

    began = time.perf_counter()
    fill(sessions=sessions, users=sessions * USERS_IN_TEN // 10)
    _print(f"{sessions:,} sessions in {database}, filled in {time.perf_counter() - began:.0f} s")
    _print(f"\n{'page':60} {'queries':>7} {'cold ms':>7} {'ms':>7}  worst step of a plan")
    faults = []
    for page in measure_pages(twice=True):
        faults += page.faults
        times = f"{page.first:7.0f} {page.second:7.0f}"
        _print(f"{page.name:60} {page.queries:7} {times}  {page.worst}")
    _print("\n".join(["", *faults]) if faults else "\nNo page scans a large table.")
    return 1 if faults else 0


def _configure() -> None:
    import django
    from django.conf import settings

    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    processors = [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]
    settings.configure(
        SECRET_KEY="benchmarks-only-0Zq8Wm3Ln6Xc1Vb5Ty7Ru2Ip9Oa4Sd-Kj",  # noqa: S106
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="tests.admin.urls",
        DATABASES={"default": _database()},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "rest_framework",
            "refresh_sessions",
        ],
        MIDDLEWARE=middleware,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": processors},
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STATIC_URL="static/",
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
    )
    django.setup()


def _database() -> dict[str, Any]:
    import dj_database_url

    if "DATABASE_URL" not in os.environ:
        sys.exit("DATABASE_URL must name a PostgreSQL server.")
    database = dict(dj_database_url.parse(os.environ["DATABASE_URL"]))
    return {**database, "TEST": {"NAME": f"admin_scale_{os.getpid()}"}}


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the output of the program)


if __name__ == "__main__":
    sys.exit(main())
