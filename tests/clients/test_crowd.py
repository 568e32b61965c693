"""Two hundred honest clients of both languages, while a fifth of the answers is lost."""

import json
import os
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent
from tests.clients.execution import SERVERS
from tests.clients.hosts import CHECKOUT, JAVASCRIPT
from tests.clients.scenario_run import OPTIONS
from tests.factories import PASSWORD, UserFactory
from tests.interop.processes import Child

pytestmark = pytest.mark.django_db

CLIENTS = 200
LOST = 0.2
SECONDS = float(os.environ.get("REFRESH_SESSIONS_CROWD_SECONDS", "40"))

SLOWER = {"ACCESS_TOKEN_LIFETIME": 10, "ROTATION_OVERLAP": 6}
"""Seconds; a busy machine must not take longer than an access token lives."""

COMMANDS = (
    ["node", str(JAVASCRIPT / "crowd.mjs")],
    [sys.executable, "-m", "tests.clients.python.crowd"],
)


@pytest.fixture
def origins():
    """The base URLs of servers with access tokens of some seconds."""
    servers = [
        Child(
            "tests.interop.server",
            DJANGO_SETTINGS_MODULE="tests.clients.server_settings",
            REFRESH_SESSIONS_SERVED_DATABASE=str(connection.settings_dict["NAME"]),
            REFRESH_SESSIONS_SERVED_OPTIONS=json.dumps({**OPTIONS, **SLOWER}),
        )
        for _ in range(SERVERS)
    ]
    yield [f"http://127.0.0.1:{server.port}" for server in servers]
    for server in servers:
        server.end()


@pytest.fixture
def usernames(django_db_blocker):
    """The names of users that the servers see: no transaction is open."""
    with django_db_blocker.unblock():
        users = [UserFactory.create() for _ in range(CLIENTS)]
        yield [user.get_username() for user in users]
        get_user_model().objects.filter(pk__in=[user.pk for user in users]).delete()


@pytest.mark.django_db(transaction=True)
def test_two_hundred_clients_with_lost_answers_stay_logged_in(origins, usernames):
    started = []
    for number, command in enumerate(COMMANDS):
        options = {
            "origins": origins,
            "usernames": usernames[number :: len(COMMANDS)],
            "password": PASSWORD,
            "seconds": SECONDS,
            "lost": LOST,
        }
        started.append(
            subprocess.Popen(  # noqa: S603 - our own command
                [*command, json.dumps(options)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
            )
        )
    results = [json.loads(process.communicate(timeout=SECONDS + 120)[0]) for process in started]
    print(results)  # noqa: T201 - shown with -s, and after a failure
    for result in results:
        assert not result["loggedOut"]
        assert not result["failures"]
        assert result["lost"] > 0.1 * result["refreshes"] > 0
        assert result["calls"] > CLIENTS
    users = {f"user__{get_user_model().USERNAME_FIELD}__in": usernames}
    sessions = DeviceSession.objects.filter(**users)
    assert not SessionEvent.objects.filter(
        session__in=sessions, kind=EventKind.REUSE_DETECTED
    ).exists()
    assert sessions.filter(revoked_at__isnull=True).count() == CLIENTS
