"""A project against which nothing can be said."""

import pytest

from refresh_sessions.checks import deployment
from tests.checks.finding import LOCAL, SHARED, STRONG


@pytest.fixture(autouse=True)
def _sound(settings, monkeypatch):
    """A project against which nothing can be said, without optional libraries."""
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    settings.SECRET_KEY = STRONG
    settings.SECRET_KEY_FALLBACKS = []
    settings.CACHES = {"default": SHARED, "local": LOCAL}
    settings.REST_FRAMEWORK = {}
    settings.REFRESH_SESSIONS = {}
