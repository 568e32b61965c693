import pytest

from refresh_sessions import database


@pytest.fixture
def no_pauses(monkeypatch):
    """Try again at once: what comes between tries is only time."""
    monkeypatch.setattr(database, "_back_off", lambda number: None)
