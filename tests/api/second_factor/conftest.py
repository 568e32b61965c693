"""The two steps, as a client takes them."""

import pytest

from tests.api.second_factor.projects import FACTORS
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def _factors(options):
    options(SECOND_FACTORS=FACTORS)


@pytest.fixture
def ask(api):
    """The first step; returns the answer."""

    def first(username="ada@example.org", password=PASSWORD, client=api, **more):
        return client.post("login/", {"username": username, "password": password, **more})

    return first


@pytest.fixture
def ticket(ada, ask):
    return ask(device_name="Phone").json()["ticket"]


@pytest.fixture
def verify(api):
    """The second step."""

    def second(ticket, client=api, headers=None, **proof):
        return client.post("login/verify/", {"ticket": ticket, **proof}, headers=headers)

    return second
