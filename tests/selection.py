"""Which tests use a database, and a record of the tests that ran.

Each test that uses a database has the mark ``uses_database``: ``pytest -m uses_database`` runs
these tests, ``pytest -m "not uses_database"`` runs all others. Collection sets the mark. A test
whose database is used only by processes that it starts sets the mark itself.

REFRESH_SESSIONS_RECORD names a directory. Each run adds a file with its collected tests and their
outcomes there. ``scripts/ci-report`` reads these files and names tests that ran in no run.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

MARK = "uses_database"

DATABASE_FIXTURES = frozenset(
    {
        "db",
        "django_db_reset_sequences",
        "django_db_serialized_rollback",
        "django_db_setup",
        "live_server",
        "transactional_db",
    }
)


def uses_database(item: pytest.Item) -> bool:
    """Tell from marks and from the closure of fixtures whether a test uses a database."""
    marked = any(item.get_closest_marker(mark) for mark in (MARK, "django_db"))
    return marked or not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


class Selection:
    """Set the mark, and refuse a database to tests without it."""

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{MARK}: set by collection (see tests/selection.py)")

    @pytest.hookimpl(tryfirst=True)  # Before -m reads the marks.
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if uses_database(item):
                item.add_marker(MARK)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Fail on a database fixture that collection could not see.

        ``request.getfixturevalue`` requests a fixture by a name that is known only at run time.
        """
        # pytest needs a complete setup first, or the fixture fails in later tests too.
        value = yield
        item = request.node
        if (
            fixturedef.argname in DATABASE_FIXTURES
            and isinstance(item, pytest.Item)
            and not item.get_closest_marker(MARK)
        ):
            pytest.fail(f"{item.nodeid} gets {fixturedef.argname} unseen: mark it django_db")
        return value


def reason_of(report: pytest.TestReport) -> str:
    """Give the reason of a skipped test."""
    place = report.longrepr
    reason = str(place[2] if isinstance(place, tuple) else place)
    return reason.removeprefix("Skipped: ")


class Record:
    """Write down the collected tests, and the outcome of each."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.collected: set[str] = set()
        self.ran: set[str] = set()
        self.skipped: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)  # Before -m and -k remove tests.
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.collected.update(item.nodeid for item in items)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped[report.nodeid] = reason_of(report)
        elif report.when == "call" or report.failed:
            self.ran.add(report.nodeid)

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        lists = {"collected": sorted(self.collected), "ran": sorted(self.ran)}
        file = self.directory / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        file.write_text(json.dumps({**lists, "skipped": self.skipped}), encoding="utf-8")


def register(config: pytest.Config) -> None:
    """Add both to a run."""
    config.pluginmanager.register(Selection())
    if directory := os.environ.get("REFRESH_SESSIONS_RECORD"):
        config.pluginmanager.register(Record(Path(directory)))
