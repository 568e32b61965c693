"""Races with a user model whose columns are in tables of parent models.

To update such a column Django reads first, which is neither a compare-and-swap nor a lock.
"""

import pytest

from tests.interpreters import run_tests_afresh

# The triggers of all races require a test database in this process too.
pytestmark = pytest.mark.django_db(transaction=True)


def test_races_with_inherited_user_model_pass():
    run_tests_afresh(
        "tests/races/test_newer_hashes.py",
        "tests/races/test_limits.py::TestLogins::test_session_limit_concurrent_logins_deny_next",
        settings="tests.members.settings",
    )
