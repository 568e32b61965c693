"""The two login steps of a client."""

import pytest

from tests.api.second_factor.projects import FACTORS
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def _factors(options):
    options(SECOND_FACTORS=FACTORS)


@pytest.fixture
def ask(api):
    """Send the first step and return the answer."""

    def first(username="ada@example.org", password=PASSWORD, client=api, **more):
        return client.post("login/", {"username": username, "password": password, **more})

    return first


@pytest.fixture
def ticket(ada, ask):
    return ask(device_name="Phone").json()["ticket"]


@pytest.fixture
def verify(api):
    """Send the second step and return the answer."""

    def second(ticket, client=api, headers=None, **fields):
        return client.post("login/verify/", {"ticket": ticket, **fields}, headers=headers)

    return second
