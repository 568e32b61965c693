import pytest

from tests.api.conftest import api, credentials, login

__all__ = ["api", "credentials", "login"]


@pytest.fixture
def by_letter(request, options) -> bool:
    """Whether the settings are those that meet the item literally."""
    if request.param is None:
        return False
    options(**request.param)
    return True


@pytest.fixture
def cookies(options) -> None:
    """Send the refresh token in a cookie."""
    options(TRANSPORT="cookie")
