"""What a method has to say of itself, and what happens without an extra."""

import sys
from functools import partial

import pytest

from refresh_sessions.exceptions import SettingsError
from refresh_sessions.identity import (
    AuthenticationMethod,
    PasswordMethod,
    describe_methods,
    lacks_second_factor,
)
from refresh_sessions.identity.otp import OneTimePasswordMethod
from tests.factors import Code, Key


class Ada:
    """A user with a password, without the database."""

    pk = 1
    password = "hash"

    def get_username(self):
        return "ada"

    def has_usable_password(self):
        return True


@pytest.mark.parametrize("question", ["is_available", "verify"])
def test_a_method_without_answers_lets_nobody_pass(question):
    arguments = {"is_available": [Ada()], "verify": [Ada(), {}, None]}[question]
    with pytest.raises(NotImplementedError):
        getattr(AuthenticationMethod(), question)(*arguments)


def test_methods_for_clients():
    assert describe_methods([Code(), Key()]) == [
        {"name": "code", "factor": "second"},
        {"name": "key", "factor": "second"},
    ]


@pytest.mark.parametrize(
    ("amr", "lacks"), [((), True), (("pwd",), True), (("otp",), False), (("hwk", "pwd"), False)]
)
def test_one_of_several_second_factors_is_enough(options, with_second_factor, amr, lacks):
    options(SECOND_FACTORS=("tests.factors.Code", "tests.factors.Key"))
    assert lacks_second_factor(with_second_factor(Ada()), amr) is lacks


class AnybodyBackend:
    """A project's backend with a fault: it finds somebody, but somebody else."""

    def authenticate(self, request, username=None, password=None):
        return Grace()


class Grace(Ada):
    pk = 2
    is_active = True


def test_the_password_of_somebody_else_proves_nothing(settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.AnybodyBackend"]
    proves = partial(PasswordMethod().verify, data={"password": "any"}, request=None)
    assert proves(Grace())
    assert not proves(Ada())


def test_django_otp_is_missed_in_plain_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "django_otp", None)
    with pytest.raises(SettingsError, match=r"pip install 'django-refresh-sessions\[otp\]'"):
        OneTimePasswordMethod().is_available(Ada())
