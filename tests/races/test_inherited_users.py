"""Races for the row of a user whose columns are in the tables of the parents.

To update such a column Django reads first, which is neither a compare-and-swap nor a lock.
"""

import pytest

from tests.interpreters import run_tests_afresh


@pytest.mark.parametrize(
    "tests",
    [
        "tests/races/test_newer_hashes.py",
        "tests/races/test_limits.py::TestSignIns::test_the_next_is_denied",
    ],
)
def test_race_for_an_inherited_user_ends_as_for_any_other(tests):
    run_tests_afresh(tests, settings="tests.members.settings")
