import pytest
from django.conf import settings as django_settings

from tests.api.client import Client
from tests.factories import PASSWORD


@pytest.fixture
def api() -> Client:
    """The HTTP contract, as a client sees it."""
    return Client()


@pytest.fixture
def credentials(user) -> dict[str, str]:
    return {"username": user.get_username(), "password": PASSWORD}


@pytest.fixture
def login(api, credentials):
    """Sign in over HTTP and return the body of the answer."""

    def log_in(**more):
        answer = api.post("login/", {**credentials, **more})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return log_in


@pytest.fixture
def rates(settings):
    """Set throttle rates as a project does."""

    def change(**keys):
        names = {name.replace("_", "-"): rate for name, rate in keys.items()}
        settings.REST_FRAMEWORK = {
            **django_settings.REST_FRAMEWORK,
            "DEFAULT_THROTTLE_RATES": names,
        }

    return change
