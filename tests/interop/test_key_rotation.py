"""Keys are changed while people go on, in real processes; nobody is refused."""

import pytest
from django.db import connection

from tests.factories import PASSWORD, UserFactory
from tests.interop.rotating import rotate_under_load
from tests.keys import entry

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people():
    names = [UserFactory().get_username() for _ in range(4)]
    return [{"username": name, "password": PASSWORD} for name in names]


@pytest.fixture
def database() -> str:
    return str(connection.settings_dict["NAME"])


def test_as_documented(database, people):
    counted = rotate_under_load(database, people, keys=[entry("ES256"), entry("EdDSA")])
    assert counted.refused == []
    assert counted.rotations == 1
    assert min(counted.requests[what] for what in ("call", "service", "refresh/")) > 4
    assert len(counted.algorithms) == 2


def test_all_at_once_would_be_noticed(database, people):
    """Or the test above could not fail."""
    keys = [entry("ES256"), entry("EdDSA")]
    assert rotate_under_load(database, people, keys=keys, careful=False).refused
