import gc
import os
import sys
from collections.abc import Iterator

import pytest
import rest_framework.views  # noqa: F401 - takes the settings as they are at its first import
from django.core.cache import cache
from django.core.signals import got_request_exception
from django.test import Client
from django.utils import translation
from django.views.debug import ExceptionReporter
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient

from refresh_sessions.cache.circuit import get_circuit
from tests import databases, selection
from tests.api.client import Client as SessionsClient
from tests.browser import equipment
from tests.clock import Clock, standing_clock
from tests.factories import UserFactory, make_pair
from tests.factors import add_second_factor, remove_second_factors
from tests.model.report import report_state_count
from tests.user_models import KINDS, PartBackend, model_of_kind

# No time limit per example: a busy machine is not a fault of the code. Each run tries the same
# examples, so that failures are reproducible; a number in the variable gives other ones.
hypothesis_settings.register_profile(
    "steady", deadline=None, derandomize="REFRESH_SESSIONS_EXAMPLES" not in os.environ
)
hypothesis_settings.load_profile("steady")


def pytest_cmdline_main() -> int | None:
    """Leave a run out in plain words when the database it is for is not there."""
    reason = databases.left_out()
    if reason is None:
        return None
    print(reason)  # noqa: T201 - this line is all that the run has to say
    required = os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1"
    return pytest.ExitCode.USAGE_ERROR if required else pytest.ExitCode.OK


def pytest_configure(config: pytest.Config) -> None:
    """Mark the tests that use a database."""
    selection.register(config)


def pytest_collection_finish() -> None:
    """Keep what collection created out of each run of the garbage collector."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str | None:
    """Say of a run of everything that it is one without a browser."""
    return equipment.left_out()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was searched, here where the workers' reports come together."""
    report_state_count(terminalreporter)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Clear the throttle counts and the failures of caches before and after each test."""
    cache.clear()
    get_circuit.reset()
    yield
    cache.clear()
    get_circuit.reset()


@pytest.fixture(autouse=True)
def _no_second_factors() -> Iterator[None]:
    """Remove the second factors that a test has added."""
    yield
    remove_second_factors()


@pytest.fixture(autouse=True)
def _language_of_the_project() -> Iterator[None]:
    """Reset the language that a request of the test activated."""
    yield
    translation.deactivate()


@pytest.fixture
def reports() -> Iterator[list[str]]:
    """The error reports that Django creates."""
    made: list[str] = []

    def report(sender, request, **kwargs):
        reporter = ExceptionReporter(request, *sys.exc_info())
        made.append(reporter.get_traceback_html() + reporter.get_traceback_text())

    got_request_exception.connect(report)
    yield made
    got_request_exception.disconnect(report)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """All clocks stopped; move them with ``clock.move(timedelta(...))``."""
    with standing_clock() as standing:
        yield standing


@pytest.fixture
def options(settings):
    """Change single keys of REFRESH_SESSIONS: ``options(TRANSPORT="cookie")``."""
    before = dict(getattr(settings, "REFRESH_SESSIONS", {}))

    def change(**keys):
        settings.REFRESH_SESSIONS = {**before, **getattr(settings, "REFRESH_SESSIONS", {}), **keys}

    return change


@pytest.fixture
def user(db):
    return UserFactory()


@pytest.fixture
def with_second_factor():
    """Give the second factor ``tests.factors.Code`` to a user: ``with_second_factor(user)``.

    The package asks for it if the settings name it: ``options(SECOND_FACTORS=...)``.
    """

    def add(user):
        add_second_factor(user)
        return user

    return add


@pytest.fixture
def ada(db, with_second_factor):
    """The user ``ada@example.org``, who has a second factor."""
    return with_second_factor(UserFactory(username="ada@example.org"))


@pytest.fixture(params=KINDS)
def part_model(request, transactional_db):
    """A proxy or a child of the user model."""
    with model_of_kind(request.param) as model:
        yield model


@pytest.fixture
def part_backend(part_model, settings, monkeypatch):
    """An authentication backend that returns the user as an object of that model."""
    monkeypatch.setattr(PartBackend, "model", part_model)
    settings.AUTHENTICATION_BACKENDS = [f"{PartBackend.__module__}.{PartBackend.__qualname__}"]
    return part_model


@pytest.fixture
def pair(user):
    """The user's tokens, right after a login."""
    return make_pair(user)


@pytest.fixture
def client() -> APIClient:
    """A client that sends JSON."""
    return APIClient()


@pytest.fixture
def user_client(user) -> Client:
    """Django's test client with a login of ``user``."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def cookie_client(pair) -> SessionsClient:
    """A client that has the refresh token of ``pair`` in its cookie."""
    client = SessionsClient()
    client.raw.cookies["__Host-refresh_token"] = pair.refresh
    return client


@pytest.fixture
def bearer():
    """Headers with an access token."""

    def headers(pair_or_token) -> dict[str, str]:
        token = getattr(pair_or_token, "access", pair_or_token)
        return {"authorization": f"Bearer {token}"}

    return headers
