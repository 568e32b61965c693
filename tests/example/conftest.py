"""The example project runs with its own settings, on SQLite, in processes."""

import os

import pytest

_FOREIGN = ("REFRESH_SESSIONS_TEST_DATABASE", "REFRESH_SESSIONS_TEST_USER")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests in runs with another database or user model."""
    foreign = [name for name in _FOREIGN if os.environ.get(name, "sqlite") != "sqlite"]
    if foreign:
        skip = pytest.mark.skip(reason=f"the example does not use {foreign[0]}")
        for item in items:
            if "tests/example/" in item.nodeid:
                item.add_marker(skip)
