"""Fixtures of races: statistics, and triggers in the database that check invariants."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Lock

import pytest

from refresh_sessions import database
from tests.races.statistics import Statistics
from tests.races.triggers import with_triggers


@pytest.fixture(scope="module", autouse=True)
def _triggers(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), with_triggers():
        yield


@pytest.fixture(autouse=True)
def _long_overlap(options) -> None:
    """Longer than any race, also on a slow machine."""
    options(ROTATION_OVERLAP=timedelta(minutes=10))


@pytest.fixture
def statistics(request, monkeypatch) -> Iterator[Statistics]:
    """Counts the rounds of a test and the retries of the package."""
    kind = f"{request.cls.__name__.removeprefix('Test')} " if request.cls else ""
    counted = Statistics(
        f"{kind}{request.node.name.removeprefix('test_')}".replace("_", " ").lower()
    )
    lock, pause = Lock(), database._back_off

    def counting(number: int) -> None:
        with lock:
            counted.retries += 1
        pause(number)

    monkeypatch.setattr(database, "_back_off", counting)
    yield counted
    counted.write()
