"""Rotation of keys under load, with real processes."""

import pytest
from django.db import connection

from tests.factories import PASSWORD, UserFactory
from tests.interop.rotation import rotate_under_load
from tests.keys import entry

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def logins():
    names = [UserFactory().get_username() for _ in range(4)]
    return [{"username": name, "password": PASSWORD} for name in names]


@pytest.fixture
def database() -> str:
    return str(connection.settings_dict["NAME"])


def test_documented_key_rotation_under_load_refuses_no_request(database, logins):
    statistics = rotate_under_load(database, logins, keys=[entry("ES256"), entry("EdDSA")])
    assert statistics.refused == []
    assert statistics.rotations == 1
    assert min(statistics.requests[what] for what in ("call", "service", "refresh/")) > 4
    assert len(statistics.algorithms) == 2


def test_key_rotation_in_one_step_refuses_requests(database, logins):
    """Control: the test above can fail."""
    keys = [entry("ES256"), entry("EdDSA")]
    assert rotate_under_load(database, logins, keys=keys, stepwise=False).refused
