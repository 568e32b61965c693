"""Authentication methods of a project, and the users who have its second factor."""

import os

from refresh_sessions.identity import AuthenticationMethod

CODE = "314159"

# The environment, because threads and child processes read it as well.
_VARIABLE = "REFRESH_SESSIONS_TESTS_USERS_WITH_SECOND_FACTOR"


def users_with_second_factor() -> set[str]:
    """Return the primary keys, as text."""
    return set(os.environ.get(_VARIABLE, "").split())


def add_second_factor(user) -> None:
    os.environ[_VARIABLE] = " ".join(users_with_second_factor() | {str(user.pk)})


def remove_second_factor(user) -> None:
    os.environ[_VARIABLE] = " ".join(users_with_second_factor() - {str(user.pk)})


def remove_second_factors() -> None:
    os.environ.pop(_VARIABLE, None)


class Code(AuthenticationMethod):
    """The second factor of the users in ``users_with_second_factor()``. A code can be reused."""

    name = "code"
    amr = "otp"
    second_factor = True

    def is_available(self, user):
        return str(user.pk) in users_with_second_factor()

    def verify(self, user, data, request):
        return data[self.field] == CODE


class Key(Code):
    """Another second factor of the same users."""

    name = "key"
    amr = "hwk"

    def verify(self, user, data, request):
        return data["key"] == "turned"


class Knock(AuthenticationMethod):
    """A first factor of all users."""

    name = "knock"
    amr = "kba"

    def is_available(self, user):
        return True

    def verify(self, user, data, request):
        return data["knock"] == "shave and a haircut"
