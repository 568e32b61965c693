"""A user model whose parents store its columns, in a project of its own."""

from tests.interpreters import run_tests_afresh


def test_session_of_inherited_user_model_follows_the_account():
    run_tests_afresh(
        "tests/members/parents.py",
        "tests/domain/test_newer_hashes.py",
        "tests/domain/test_given_users.py",
        settings="tests.members.settings",
    )
