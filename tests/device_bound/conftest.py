"""A browser with a session, bound to its device key or not."""

import pytest

from tests.device_bound.browser import Browser
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def _device_bound_sessions(options):
    pytest.importorskip("cryptography")
    options(TRANSPORT="cookie", DEVICE_BOUND_SESSIONS=True)


@pytest.fixture
def credentials(user) -> dict[str, str]:
    return {"username": user.get_username(), "password": PASSWORD}


@pytest.fixture
def browser(credentials, clock) -> Browser:
    """A browser right after its login, with a challenge for the registration.

    The clocks stand, so that the limits of challenges and cookies are exact.
    """
    browser = Browser()
    browser.log_in(credentials)
    return browser


@pytest.fixture
def bound(browser: Browser) -> Browser:
    """A browser whose session is bound: it has registered its key, and shown it once."""
    for answer in (browser.register(), browser.renew()):
        assert answer.status_code == 200, answer.json()
    return browser
