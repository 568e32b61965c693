"""Client of the devices page."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from refresh_sessions.devices import ClientHints, name_device
from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD
from tests.pages.markup import Page

LIST = "/devices/"
AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
# The name is shorter if ua-parser is installed.
CHROME = name_device(AGENT, ClientHints())


class Browser:
    def __init__(self, **options):
        self.client = Client(headers={"user-agent": AGENT}, **options)

    def login(self, user):
        """Log in with Django's own form."""
        credentials = {"username": user.get_username(), "password": PASSWORD}
        response = self.client.post(reverse(settings.LOGIN_URL), credentials)
        assert response.status_code == 302, response.text
        return self

    def api_login(self, user):
        credentials = {"username": user.get_username(), "password": PASSWORD}
        response = self.client.post("/auth/login/", credentials, content_type="application/json")
        assert response.status_code == 200, response.text
        return DeviceSession.objects.get(pk=response.json()["session"]["id"])

    def show(self, **query):
        response = self.client.get(LIST, query)
        assert response.status_code == 200
        return response

    def names(self, **query) -> list[str]:
        """Return the device names on the page, the current one first."""
        return [heading.text for heading in Page(self.show(**query).text).all("h3")]

    def buttons(self) -> list[str]:
        """Return the accessible names of the buttons."""
        buttons = Page(self.show().text).all("button")
        return [button.attrs.get("aria-label", button.text) for button in buttons]

    def end(self, session, **factors):
        return self.client.post(f"{LIST}{session.pk}/end/", factors)

    def end_others(self, **factors):
        return self.client.post(f"{LIST}end-others/", factors)


def messages_of(response) -> list[str]:
    """Return the messages for the next page."""
    assert response.status_code == 302, response.text
    return [str(message) for message in get_messages(response.wsgi_request)]


def live() -> set:
    return set(DeviceSession.objects.active().values_list("pk", flat=True))


def asks_for_password(response) -> bool:
    """Whether the response is the page with the password field."""
    fields = [item.attrs.get("type") for item in Page(response.text).all("input")]
    return response.status_code == 200 and "password" in fields
