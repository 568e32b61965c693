import pytest
from django.conf import settings as django_settings
from rest_framework.test import APIClient

from tests.binding.keys import BoundClient, ClientKey
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def _cryptography():
    pytest.importorskip("cryptography")


@pytest.fixture
def credentials(user):
    return {"username": user.get_username(), "password": PASSWORD}


@pytest.fixture
def client(db) -> BoundClient:
    """A client with a key, which is not logged in."""
    return BoundClient(APIClient())


@pytest.fixture
def owner(client: BoundClient, credentials) -> BoundClient:
    """A client with a bound session."""
    answer = client.log_in(credentials)
    assert answer.status_code == 200, answer.json()
    return client


@pytest.fixture
def attacker(owner) -> BoundClient:
    """A client with copies of the owner's tokens, and another key."""
    return BoundClient(
        APIClient(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="curl/8"),
        key=ClientKey(number=1),
        refresh_token=owner.refresh_token,
        access=owner.access,
    )


@pytest.fixture
def rate(settings):
    """Set the rate of refreshes; None for no limit of any endpoint."""

    def change(rate):
        names = ("session-login", "session-refresh", "session-reauthenticate")
        rates = {"session-refresh": rate} if rate else dict.fromkeys(names)
        settings.REST_FRAMEWORK = {
            **django_settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": rates,
        }

    return change
