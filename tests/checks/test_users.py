"""Checks of user models, and of databases that store users."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connections

from refresh_sessions.checks import check_settings
from tests.checks.finding import ids
from tests.interpreters import run_afresh

METHODS = ["get_username", "get_session_auth_hash", "get_session_auth_fallback_hash"]

# Only a fresh interpreter can have a user model that does not inherit from Django's.
BARE = """
import tests.settings
tests.settings.AUTH_USER_MODEL = "bare.Account"
tests.settings.INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "rest_framework", "refresh_sessions", "tests.checks.bare",
]
import django
django.setup()
from refresh_sessions.checks import check_deployment, check_settings
check_deployment()
print(*(message.id for message in check_settings()))
print(check_settings()[0].msg)
"""


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("value", [None, ""])
def test_user_model_without_a_method_is_an_error(monkeypatch, name, value):
    monkeypatch.setattr(get_user_model(), name, value)
    (message,) = check_settings()
    assert message.id == "refresh_sessions.E025"
    assert f"{name}()" in message.msg
    assert "AbstractBaseUser" in str(message.hint)


def test_user_model_without_django_base_is_an_error_at_check_time():
    found, message = run_afresh(BARE).splitlines()
    assert found == "refresh_sessions.E025"
    assert all(f"{name}()" in message for name in METHODS)


def test_two_aliases_of_one_database_are_not_reported(settings, monkeypatch):
    monkeypatch.setitem(connections.settings, "people", dict(connections.settings["default"]))
    settings.DATABASE_ROUTERS = ["tests.checks.cases.UsersElsewhere"]
    assert ids() == []
    monkeypatch.setitem(connections.settings["people"], "NAME", "another")
    assert ids() == ["E026"]
