"""A user with an address, in a project that sends mails."""

import copy
from datetime import UTC, datetime

import pytest

from refresh_sessions.devices import names
from tests.clock import standing_clock
from tests.emails.builders import ADDRESS, with_address


@pytest.fixture
def user():
    return with_address(ADDRESS)


@pytest.fixture
def both(options):
    options(MAIL_ON_REUSE=True, MAIL_ON_MISUSE=True, MAIL_ON_NEW_DEVICE=True)


@pytest.fixture
def clock():
    with standing_clock(datetime(2027, 1, 15, 12, 30, tzinfo=UTC)) as standing:
        yield standing


@pytest.fixture
def override(settings, tmp_path):
    """Override a template of the package with one of the project."""

    def put(name, text):
        file = tmp_path / "refresh_sessions" / "mail" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        templates = copy.deepcopy(settings.TEMPLATES)
        templates[0]["DIRS"] = [tmp_path]
        settings.TEMPLATES = templates

    return put


@pytest.fixture(autouse=True)
def _plain_names(monkeypatch):
    """Devices have their user agent as name, as an unknown client has."""
    monkeypatch.setattr(names, "_read_client", lambda user_agent, hints: names._Client())
