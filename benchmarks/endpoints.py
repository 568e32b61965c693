"""Time of requests and refreshes, as ratios to minimal views of Django REST framework.

    python -m benchmarks.endpoints            # SQLite in memory
    DATABASE_URL=postgres://… python -m benchmarks.endpoints

Everything runs in one process through Django's handler. Each round measures all subjects, so that
a busy machine slows all of them equally. Only the ratios are comparable.

``bare`` is a view without authentication. ``minimal`` is the smallest token check: a request
verifies a signature; a refresh verifies a signature, executes one conditional UPDATE and signs new
tokens, without detection of reuse.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

ROUNDS = 400
WARM_UP = 40


def main() -> None:
    """Set Django up, measure, and print a table."""
    _configure()
    from benchmarks import subjects

    measured = {
        name: _medians(makers)
        for name, makers in {
            "request": subjects.requests(),
            "refresh": subjects.refreshes(),
        }.items()
    }
    for name, medians in measured.items():
        minimal = medians["minimal"]
        for subject, median in medians.items():
            ratio = f"{median / minimal:5.2f} of minimal"
            line = f"{name:8} {subject:20} {median * 1e6:8.0f} µs   {ratio}"
            print(line)  # noqa: T201  (the output of the program)


def _medians(calls: dict[str, Callable[[], int]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP + ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            status = call()
            elapsed = time.perf_counter() - start
            if status != 200:  # noqa: PLR2004  (OK)
                sys.exit(f"{name} answered {status}")
            if number >= WARM_UP:
                times[name].append(elapsed)
    return {name: statistics.median(values) for name, values in times.items()}


def _configure() -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        SECRET_KEY="benchmarks-only-0Zq8Wm3Ln6Xc1Vb5Ty7Ru2Ip9Oa4Sd-Kj",  # noqa: S106
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="benchmarks.subjects",
        DATABASES={"default": _database()},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "refresh_sessions",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        REST_FRAMEWORK={"DEFAULT_THROTTLE_RATES": {"session-refresh": None}},
        REFRESH_SESSIONS={"ROTATION_OVERLAP": timedelta(0)},
        USE_TZ=True,
    )
    django.setup()
    from django.test.utils import setup_databases, setup_test_environment

    setup_test_environment()
    setup_databases(verbosity=0, interactive=False)
    call_command("migrate", verbosity=0)


def _database() -> dict[str, Any]:
    if "DATABASE_URL" not in os.environ:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    import dj_database_url

    return dict(dj_database_url.parse(os.environ["DATABASE_URL"]))


def post(client: Any, path: str, body: dict[str, str]) -> Any:
    """Send JSON with the least work in the test client."""
    return client.post(path, json.dumps(body), content_type="application/json")


if __name__ == "__main__":
    main()
