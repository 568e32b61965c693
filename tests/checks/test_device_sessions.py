"""Checks of ``DEVICE_BOUND_SESSIONS`` that depend on a library."""

import pytest

from refresh_sessions.checks import device_sessions
from tests.checks.finding import found, ids


@pytest.fixture
def _without_cryptography(monkeypatch):
    monkeypatch.setattr(device_sessions, "has_cryptography", lambda: False)


@pytest.mark.usefixtures("_without_cryptography")
def test_device_sessions_without_cryptography_are_an_error(settings):
    settings.REFRESH_SESSIONS = {"TRANSPORT": "cookie", "DEVICE_BOUND_SESSIONS": True}
    assert ids() == ["E028"]
    (message,) = found()
    assert "[crypto]" in str(message.hint)


@pytest.mark.usefixtures("_without_cryptography")
def test_project_without_device_sessions_needs_no_cryptography(settings):
    settings.REFRESH_SESSIONS = {"TRANSPORT": "cookie"}
    assert ids() == []


def test_device_sessions_with_defaults_are_silent(settings, monkeypatch):
    monkeypatch.setattr(device_sessions, "has_cryptography", lambda: True)
    settings.REFRESH_SESSIONS = {"TRANSPORT": "cookie", "DEVICE_BOUND_SESSIONS": True}
    assert ids() == []
