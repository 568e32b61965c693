"""SessionClient.kt against real servers: the scenarios of tests/clients, and calls beside them."""

import asyncio

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from refresh_sessions.models import DeviceSession, EventKind, SessionEvent, TokenFamily
from tests.clients.execution import run_all
from tests.clients.hosts import Host
from tests.clients.scenario_run import Case
from tests.clients.scenarios import SCENARIOS
from tests.factories import PASSWORD, UserFactory
from tests.interop.processes import Child

# Otherwise pytest-django creates no database.
pytestmark = pytest.mark.django_db

CLIENT = "okhttp"
CASES = [Case(name, CLIENT, "docs", jar) for name in SCENARIOS for jar in (True, False)]


@pytest.fixture(scope="module")
def phone_outcomes(kotlin_command, request, django_db_setup, django_db_blocker):
    """Run the cases of all collected tests; return their outcomes."""
    specs = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [params["phone_case"] for params in specs if "phone_case" in params]
    with django_db_blocker.unblock():
        users = {case: UserFactory.create() for case in cases}
        names = {case: user.get_username() for case, user in users.items()}
        hosts = {CLIENT: Host(CLIENT, kotlin_command)}
        try:
            yield run_all(cases, names, str(connection.settings_dict["NAME"]), hosts)
        finally:
            get_user_model().objects.filter(pk__in=[user.pk for user in users.values()]).delete()


# Not "case": tests/clients/conftest.py runs those with the clients from npm and PyPI.
@pytest.mark.parametrize("phone_case", CASES, ids=str)
def test_client_in_scenario_stays_logged_in(phone_case, phone_outcomes):
    outcome = phone_outcomes[phone_case]
    assert not outcome.reuse_reported, outcome
    assert not outcome.signed_out, outcome
    assert not outcome.ended, outcome


@pytest.fixture
def server(kotlin_command):
    """A server on which an authentication is recent for a second."""
    child = Child(
        "tests.interop.server",
        DJANGO_SETTINGS_MODULE="tests.clients.server_settings",
        REFRESH_SESSIONS_SERVED_DATABASE=str(connection.settings_dict["NAME"]),
        REFRESH_SESSIONS_SERVED_OPTIONS='{"REAUTHENTICATION_MAX_AGE": 1, "ROTATION_OVERLAP": 1}',
    )
    yield f"http://127.0.0.1:{child.port}"
    child.end()


@pytest.fixture
def person(django_db_blocker):
    """A user whom the processes of the server can read."""
    user = UserFactory.create()
    yield user
    get_user_model().objects.filter(pk=user.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_calls_of_the_endpoints_work(kotlin_command, server, person):
    async def story():
        host = Host(CLIENT, kotlin_command)
        await host.start()

        async def ask(op, run="phone", **arguments):
            return await host.ask(op, run=run, **arguments)

        try:
            for run in ("phone", "tablet", "watch"):
                await ask("open", run, origin=server, jar=True)
            await ask("login", username=person.get_username(), password=PASSWORD)
            await ask("login", "tablet", username=person.get_username(), password=PASSWORD)
            listed = (await ask("sessions"))["sessions"]
            assert [session["is_current"] for session in listed] == [True, False]

            await asyncio.sleep(1.5)
            await ask("answer", password="wrong")
            await ask("answer", password=PASSWORD)
            assert (await ask("revokeOthers"))["revoked"] == 1
            asked = (await ask("look"))["asked"]
            assert asked == ["reauthentication_required", "reauthentication_failed"]
            assert (await ask("get", "tablet", path="/who-am-i/"))["code"] == "session_revoked"
            assert (await ask("look", "tablet"))["ended"] == ["session_revoked"]

            await asyncio.sleep(1.5)
            await ask("reauthenticate", password=PASSWORD)
            await ask("family", to="watch")
            for run in ("phone", "watch"):
                assert (await ask("refresh", run))["access"]
                assert (await ask("get", run, path="/who-am-i/"))["status"] == 200

            await ask("logout")
            assert (await ask("get", "watch", path="/who-am-i/"))["code"] == "session_revoked"
            assert (await ask("look", "watch"))["signedOut"]
        finally:
            await host.stop()

    asyncio.run(story())
    sessions = DeviceSession.objects.filter(user=person)
    assert sessions.filter(revoked_at=None).count() == 0
    assert TokenFamily.objects.filter(session__in=sessions).count() == 3
    reuse = SessionEvent.objects.filter(session__in=sessions, kind=EventKind.REUSE_DETECTED)
    assert not reuse.exists()
