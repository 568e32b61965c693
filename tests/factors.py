"""Methods of a project's own."""

from refresh_sessions.identity import AuthenticationMethod

CODE = "314159"


class Code(AuthenticationMethod):
    """A second factor that everybody called Ada has. Its code is good any number of times."""

    name = "code"
    amr = "otp"
    second_factor = True

    def is_available(self, user):
        return user.get_username().startswith("ada")

    def verify(self, user, data, request):
        return data["code"] == CODE


class Key(Code):
    """Another one."""

    name = "key"
    amr = "hwk"

    def verify(self, user, data, request):
        return data["key"] == "turned"


class Knock(AuthenticationMethod):
    """A first factor that everybody has."""

    name = "knock"
    amr = "kba"

    def is_available(self, user):
        return True

    def verify(self, user, data, request):
        return data["knock"] == "shave and a haircut"
