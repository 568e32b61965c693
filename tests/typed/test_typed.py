"""User models whose ``USERNAME_FIELD`` is a number, a UUID, an address: on each database."""

from tests.interpreters import run_tests_afresh


def test_users_without_a_text_for_a_name():
    run_tests_afresh("tests/typed/users.py", settings="tests.typed.settings")
