"""Settings for which no check reports anything."""

import pytest

from refresh_sessions.checks import deployment
from tests.checks.finding import LOCAL, SHARED, STRONG


@pytest.fixture(autouse=True)
def _sound(settings, monkeypatch):
    """Settings for which no check reports anything, without optional libraries."""
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    settings.SECRET_KEY = STRONG
    settings.SECRET_KEY_FALLBACKS = []
    settings.CACHES = {"default": SHARED, "local": LOCAL}
    settings.REST_FRAMEWORK = {}
    settings.REFRESH_SESSIONS = {}
