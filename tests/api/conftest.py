import pytest

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

    def sign_in(**more):
        answer = api.post("login/", {**credentials, **more})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return sign_in
