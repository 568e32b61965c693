"""A user model whose parents store its columns, in a project of its own."""

from tests.interpreters import run_tests_afresh


def test_sessions_of_an_inherited_user_follow_the_account():
    run_tests_afresh(
        "tests/members/parents.py",
        "tests/domain/test_newer_hashes.py",
        "tests/domain/test_given_users.py",
        settings="tests.members.settings",
    )
