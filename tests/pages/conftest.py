from datetime import timedelta

import pytest
from django.test import RequestFactory

from refresh_sessions.models import DeviceSession, TokenFamily
from tests.factories import make_pair
from tests.pages.browser import Browser

LONG_AGO = timedelta(minutes=6)


@pytest.fixture(autouse=True)
def _login_page(settings):
    settings.LOGIN_URL = "login"
    settings.LOGIN_REDIRECT_URL = "/devices/"


@pytest.fixture
def browser(clock, user):
    """A browser right after Django's login."""
    return Browser().login(user)


@pytest.fixture
def stale(clock, browser):
    """A browser whose login is too old for sensitive actions."""
    clock.move(LONG_AGO)
    return browser


@pytest.fixture
def device(user):
    """Return a function that logs the user in on another device."""

    def log_in(name="", *, owner=None, agent="", used=None, **fields) -> DeviceSession:
        request = RequestFactory().post("/", headers={"user-agent": agent})
        session = make_pair(owner or user, name=name, request=request).session
        if used is not None:
            TokenFamily.objects.filter(session=session).update(rotated_at=used)
        if fields:
            DeviceSession.objects.filter(pk=session.pk).update(**fields)
        return DeviceSession.objects.get(pk=session.pk)

    return log_in


@pytest.fixture(params=["one", "others"])
def end(request, device):
    """Return a function that signs one device or all others out."""
    session = device("Phone")

    def post(browser, **factors):
        if request.param == "one":
            return browser.end(session, **factors)
        return browser.end_others(**factors)

    return post
