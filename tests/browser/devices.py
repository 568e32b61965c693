"""A device that uses the API over HTTP, as apps do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from example_project.demo.http import Answer, HTTPClient, Request
from refresh_sessions.models import DeviceSession
from tests.factories import PASSWORD

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1"
)
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/148.0.0.0 Safari/537.36"
)
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@dataclass
class Device:
    """A client with the tokens of its login."""

    connection: HTTPClient
    name: str
    user_agent: str
    access: str = ""
    refresh: str = ""
    session_id: str = ""

    def log_in(self, user: Any) -> None:
        answer = self._post(
            "/auth/login/",
            {"username": user.get_username(), "password": PASSWORD, "device_name": self.name},
        )
        assert answer.status == 200, answer
        self.access, self.refresh = answer.json["access"], answer.json["refresh"]
        self.session_id = answer.json["session"]["id"]

    @property
    def session(self) -> DeviceSession:
        """The session's current row."""
        return DeviceSession.objects.get(pk=self.session_id)

    def call(self) -> Answer:
        """Call a view of the project."""
        return self.connection.exchange(
            Request(
                method="GET", path="/who-am-i/", access=self.access, user_agent=self.user_agent
            )
        )

    def try_refresh(self) -> Answer:
        """Refresh with the token of the login."""
        return self._post("/auth/refresh/", {"refresh": self.refresh})

    def _post(self, path: str, data: dict[str, str]) -> Answer:
        return self.connection.exchange(
            Request(method="POST", path=path, data=data, user_agent=self.user_agent)
        )


def assert_revoked(device: Device, reason: str, *, by: Any) -> None:
    """The device is refused, and the session has the reason and actor of the revocation."""
    answers = [device.call(), device.try_refresh()]
    assert [(it.status, it.json["code"]) for it in answers] == [(401, "session_revoked")] * 2
    session = device.session
    assert (session.revoked_reason, session.revoked_by) == (reason, by)


def connect(url: str) -> HTTPClient:
    """Return an HTTP client of the server at this address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return HTTPClient(parts.hostname, parts.port)
