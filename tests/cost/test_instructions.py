"""The Python code of each operation stays as short as it is.

A change that makes an operation 10 % longer or shorter fails here. If it is intended, write the
new baseline and state the reason in the commit: ``REFRESH_SESSIONS_COST=write pytest tests/cost``.
"""

import os
import sys
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection
from rest_framework.test import APIClient

from tests.cost.instructions import (
    PYTHON,
    count_bare_view,
    count_instructions,
    read_baseline,
    write_baseline,
)
from tests.factories import PASSWORD, make_pair

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        sys.version_info[:2] != PYTHON, reason="the baseline is for another Python"
    ),
]

TOLERANCE = 0.1


@pytest.fixture(autouse=True)
def _without_limits(settings, options):
    if connection.vendor != "sqlite":
        pytest.skip("the baseline is for SQLite: each driver has other code")
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    rates = {"session-login": "99/minute", "session-login-address": "99/minute"}
    settings.REST_FRAMEWORK = {
        **django_settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": rates,
    }
    options(ROTATION_OVERLAP=timedelta(0))


@pytest.fixture
def client():
    return APIClient()


def request(client, user):
    headers = {"authorization": f"Bearer {make_pair(user).access}"}
    return lambda: client.get("/who-am-i/", headers=headers).status_code


def refresh(client, user):
    tokens = {"refresh": make_pair(user).refresh}

    def send():
        answer = client.post("/auth/refresh/", tokens, "json")
        tokens["refresh"] = answer.json().get("refresh")
        return answer.status_code

    return send


def login(client, user):
    body = {"username": user.get_username(), "password": PASSWORD}
    return lambda: client.post("/auth/login/", body, "json").status_code


def logout(client, user):
    tokens = [make_pair(user).refresh for _ in range(20)]
    return lambda: client.post("/auth/logout/", {"refresh": tokens.pop()}, "json").status_code


OPERATIONS = {
    "request": (request, "session"),
    "request, cache": (request, "cache"),
    "refresh": (refresh, "session"),
    "login": (login, "session"),
    "logout": (logout, "session"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_executes_the_instructions_of_the_baseline(operation, client, user, options):
    prepare, check = OPERATIONS[operation]
    options(ACCESS_TOKEN_CHECK=check)
    multiple = count_instructions(prepare(client, user)) / count_bare_view()
    if os.environ.get("REFRESH_SESSIONS_COST") == "write":
        write_baseline(operation, multiple)
    assert multiple == pytest.approx(read_baseline()[operation], rel=TOLERANCE)
