"""The example is a project of its own: it runs with its own settings, on SQLite, in processes."""

import os

import pytest

_FOREIGN = ("REFRESH_SESSIONS_TEST_DATABASE", "REFRESH_SESSIONS_TEST_USER")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave it to the runs with the default database and user model: others change nothing."""
    foreign = [name for name in _FOREIGN if os.environ.get(name, "sqlite") != "sqlite"]
    if foreign:
        skip = pytest.mark.skip(reason=f"the example does not heed {foreign[0]}")
        for item in items:
            if "tests/example/" in item.nodeid:
                item.add_marker(skip)
