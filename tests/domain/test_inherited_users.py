"""A user model whose parents store its columns, in a project of its own."""

import pytest

from tests.interpreters import run_tests_afresh


@pytest.mark.parametrize(
    "tests",
    [
        "tests/members/parents.py",
        "tests/domain/test_newer_hashes.py",
        "tests/domain/test_given_users.py",
    ],
)
def test_sessions_of_an_inherited_user_follow_the_account(tests):
    run_tests_afresh(tests, settings="tests.members.settings")
