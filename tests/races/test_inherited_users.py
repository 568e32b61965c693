"""Races for the row of a user whose columns are in the tables of the parents.

To update such a column Django reads first, which is neither a compare-and-swap nor a lock.
"""

import pytest

from tests.interpreters import run_tests_afresh

# The guards of all races need a test database, also of this run.
pytestmark = pytest.mark.django_db(transaction=True)


def test_races_for_an_inherited_user_end_as_for_any_other():
    run_tests_afresh(
        "tests/races/test_newer_hashes.py",
        "tests/races/test_limits.py::TestSignIns::test_the_next_is_denied",
        settings="tests.members.settings",
    )
