import pytest

from refresh_sessions import database


@pytest.fixture
def no_pauses(monkeypatch):
    """Retry without delays."""
    monkeypatch.setattr(database, "_back_off", lambda number: None)
