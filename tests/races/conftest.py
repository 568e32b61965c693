"""Races count their answers, and the database watches over what must never change."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Lock

import pytest

from refresh_sessions import database
from tests.races.guards import guarded
from tests.races.statistics import Statistics


@pytest.fixture(scope="module", autouse=True)
def _guarded(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), guarded():
        yield


@pytest.fixture(autouse=True)
def _long_overlap(options) -> None:
    """So that a slow machine changes nothing."""
    options(ROTATION_OVERLAP=timedelta(minutes=10))


@pytest.fixture
def tally(request, monkeypatch) -> Iterator[Statistics]:
    """Counts the rounds of a test, and how often the package tried again in them."""
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
