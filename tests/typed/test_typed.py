"""User models whose ``USERNAME_FIELD`` is a number, a UUID or an address, on each database."""

from tests.interpreters import run_tests_afresh


def test_typed_username_tests_pass_in_own_project():
    run_tests_afresh("tests/typed/users.py", settings="tests.typed.settings")
